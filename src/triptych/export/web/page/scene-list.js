// Thumbnails to choose a scene by, of which there may be thousands: the page holds those that have been scrolled to.

const AT_ONCE = 60;

/** A list of the scenes whose names hold all words that are searched for. */
export class SceneList {
    /**
     * @param list the element to fill
     * @param group name of its radio buttons
     * @param scenes [{name, thumbnail}]
     * @param chosen name of the one that is chosen at first
     * @param choose told the name of another one
     */
    constructor(list, group, scenes, chosen, choose) {
        Object.assign(this, { list, group, scenes, chosen, choose });
        this.end = document.createElement("div");
        new IntersectionObserver((seen) => seen.some((entry) => entry.isIntersecting) && this._more(), {
            root: list,
            rootMargin: "200px",
        }).observe(this.end);
        this.search("");
    }

    /** Show those that match, and say how many there are. */
    search(text) {
        const words = text.toLowerCase().split(/\s+/).filter(Boolean);
        this.matching = this.scenes.filter(({ name }) => words.every((word) => name.toLowerCase().includes(word)));
        this.shown = 0;
        this.list.replaceChildren(this.end);
        this._more();
        return this.matching.length;
    }

    _more() {
        for (const scene of this.matching.slice(this.shown, this.shown + AT_ONCE)) this.end.before(this._entry(scene));
        this.shown = Math.min(this.shown + AT_ONCE, this.matching.length);
        this.end.hidden = this.shown === this.matching.length;
    }

    _entry({ name, thumbnail }) {
        const entry = document.getElementById("scene").content.cloneNode(true);
        const radio = entry.querySelector("input");
        Object.assign(radio, { name: this.group, value: name, checked: name === this.chosen });
        radio.addEventListener("change", () => this.choose((this.chosen = name)));
        entry.querySelector("img").src = thumbnail;
        entry.querySelector("span").textContent = name;
        entry.querySelector("label").title = name;
        return entry;
    }
}
