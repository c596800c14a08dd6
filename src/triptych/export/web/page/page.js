// The page: what is chosen, from where it is seen, and `window.triptych` for those who want pictures of their own.

import { withGraphics } from "./graphics.js";
import { Pace } from "./pacing.js";
import { readTensors } from "./planes.js";
import { Renderer } from "./renderer.js";
import { SceneList } from "./scene-list.js";
import { Studio } from "./studio.js";

const element = (id) => document.getElementById(id);
const canvas = element("picture");
const DEGREES_A_PIXEL = 0.5;
const DEGREES_A_KEY = 5;
const ZOOM_A_KEY = 1.1;
const HIGHEST_DEGREES = 89;
const REST_MILLISECONDS = 250;
/** Once all rests, each picture is so many times as fine as the one before; from this scale on the whole one follows. */
const FINER = 4;
const WHOLE_FROM = 0.5;

try {
    await open();
} catch (error) {
    complain(error);
    throw error;
}

async function open() {
    const answer = await fetch("manifest.json");
    if (!answer.ok) throw new Error(`manifest.json: the server answers ${answer.status}`);
    const manifest = await answer.json();
    document.title = manifest.title;
    element("title").textContent = manifest.title;
    document.documentElement.style.setProperty("--behind", manifest.background);
    const shared = await readTensors("shared.safetensors");
    const asked = new URLSearchParams(location.search);
    const studio = await withGraphics(asked.get("graphics"), async (graphics) => {
        const renderer = await Renderer.create(graphics, manifest, shared);
        // Only what the folder's kind of decoder needs is fetched.
        const { Decoder } = await import(`./${manifest.decoder.kind}-decoder.js`);
        return new Studio(manifest, shared, renderer, await Decoder.create(renderer, manifest, asked.get("decoder")));
    });
    window.triptych = { manifest, render: (view) => studio.picture(view) };
    studio.renderer.graphics.whenBroken(() => {
        complain(new Error("the graphics card has stopped; reload the page, with ?graphics=webgl if it happens again"));
    });
    showPage(manifest, studio);
}

function complain(error) {
    element("status").textContent = `This does not work: ${error.message}`;
    element("status").hidden = false;
}

function showPage(manifest, studio) {
    const names = manifest.scenes.map((scene) => scene.name);
    const asked = new URLSearchParams(location.search);
    const number = (key, otherwise) => (Number.isFinite(parseFloat(asked.get(key))) ? +asked.get(key) : otherwise);
    const named = (key, otherwise) => (names.includes(asked.get(key)) ? asked.get(key) : otherwise);
    const { radius, azimuth_degrees, elevation_degrees } = manifest.orbit;
    const start = {
        azimuth_degrees: number("azimuth", azimuth_degrees),
        elevation_degrees: number("elevation", elevation_degrees),
        radius: number("radius", radius),
    };
    const view = {
        a: named("scene", named("a", names[0])),
        b: named("b", names[Math.min(1, names.length - 1)]),
        share: Math.min(Math.max(number("share", 0), 0), 1),
        camera: { ...start },
    };
    const draw = drawing(manifest, studio, view);

    function changed() {
        view.camera.elevation_degrees = clamp(view.camera.elevation_degrees, -HIGHEST_DEGREES, HIGHEST_DEGREES);
        view.camera.radius = clamp(view.camera.radius, radius / 4, 4 * radius);
        const shown = describe(view);
        element("share-text").textContent = shown;
        element("share").setAttribute("aria-valuetext", shown);
        canvas.setAttribute("aria-label", `${shown}, seen ${placeOf(view.camera)}`);
        draw();
    }

    canvas.width = manifest.picture.width;
    canvas.height = manifest.picture.height;
    element("share").value = view.share;
    element("share").addEventListener("input", (event) => {
        view.share = event.target.valueAsNumber;
        changed();
    });
    const lists = ["a", "b"].map((side) => {
        const choose = (name) => {
            view[side] = name;
            changed();
        };
        return new SceneList(element(`scenes-${side}`), `scene-${side}`, manifest.scenes, view[side], choose);
    });
    element("search").addEventListener("input", (event) => {
        const [found] = lists.map((list) => list.search(event.target.value));
        element("found").textContent = `${found} of ${names.length} scenes`;
    });
    element("found").textContent = `${names.length} scenes`;
    document.body.classList.toggle("embed", asked.has("embed"));
    moveByPointer(view.camera, changed);
    moveByKeys(view.camera, start, changed);
    element("status").hidden = true;
    document.querySelector("main").hidden = false;
    changed();
}

/** What is seen, in words. */
function describe({ a, b, share }) {
    const percent = Math.round(100 * share);
    if (percent === 0 || a === b) return a;
    return percent === 100 ? b : `${100 - percent} % ${a}, ${percent} % ${b}`;
}

/** Where from, in words. */
function placeOf({ azimuth_degrees, elevation_degrees }) {
    const around = ((Math.round(azimuth_degrees) % 360) + 360) % 360;
    const height = Math.round(elevation_degrees);
    return `from ${around} degrees around, ${Math.abs(height)} degrees ${height < 0 ? "below" : "above"}`;
}

/**
 * A function that draws the view as it is, soon: while a picture is made, later changes wait for one more. While
 * something moves, a latent pixel has one ray, and pictures are coarser where the browser is slow; once all rests they
 * become finer, until the picture is whole and has as many rays as the model has. No hand waits for those.
 */
function drawing(manifest, studio, view) {
    const { picture, latent, sampling } = manifest;
    const { graphics } = studio.renderer;
    const pace = new Pace({ ...latent, any_size: manifest.decoder.any_size }, graphics.isSoftware());
    const small = document.createElement("canvas");
    let busy = false;
    let wanted;
    let rest;

    function put(pixels) {
        const whole = pixels.width === picture.width && pixels.height === picture.height;
        const to = whole ? canvas : small;
        if (!whole) Object.assign(small, { width: pixels.width, height: pixels.height });
        to.getContext("2d").putImageData(pixels, 0, 0);
        if (!whole) canvas.getContext("2d").drawImage(small, 0, 0, picture.width, picture.height);
    }

    /** Draw a picture; how long it takes until it is seen, its scenes being there. */
    async function show({ rays, scale, isStill }) {
        const isStale = isStill ? () => wanted !== undefined : undefined;
        const pixels = await studio.picture({ ...structuredClone(view), rays, scale, isStale });
        if (!pixels) return studio.milliseconds;
        put(pixels);
        const traced = `${Math.round(rays * scale * latent.width)} × ${Math.round(rays * scale * latent.height)} rays`;
        const size = `${pixels.width} × ${pixels.height} pixels`;
        const time = `${studio.milliseconds.toFixed(0)} ms (${graphics.name})`;
        element("speed").textContent = `${traced}, decoded to ${size}, in ${time}`;
        const made = performance.now();
        await new Promise(requestAnimationFrame);
        return studio.milliseconds + performance.now() - made;
    }

    /** What follows a picture once all rests, if it is not whole. */
    function finerThan({ rays, scale }) {
        if (rays === sampling.supersample && scale === 1) return undefined;
        if (FINER * scale < WHOLE_FROM) return { rays, scale: FINER * scale, isStill: true };
        return { rays: sampling.supersample, scale: 1, isStill: true };
    }

    async function draw(still) {
        clearTimeout(rest);
        wanted = still ?? { rays: 1, scale: pace.scale };
        if (busy) return;
        busy = true;
        try {
            while (wanted) {
                const shown = wanted;
                wanted = undefined;
                const milliseconds = await show(shown);
                if (!shown.isStill) pace.took(milliseconds);
                const finer = wanted ? undefined : finerThan(shown);
                if (finer) rest = setTimeout(draw, shown.isStill ? 0 : REST_MILLISECONDS, finer);
            }
        } catch (error) {
            complain(error);
            throw error;
        } finally {
            busy = false;
        }
    }
    return () => draw();
}

/** Drag to turn, wheel or two fingers to zoom. */
function moveByPointer(camera, changed) {
    const pointers = new Map();
    const spread = () => {
        const [one, other] = [...pointers.values()];
        return Math.hypot(one.x - other.x, one.y - other.y);
    };
    canvas.addEventListener("pointerdown", (event) => {
        canvas.setPointerCapture(event.pointerId);
        pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    });
    canvas.addEventListener("pointermove", (event) => {
        const before = pointers.get(event.pointerId);
        if (!before) return;
        const spreadBefore = pointers.size === 2 ? spread() : 0;
        pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
        if (pointers.size === 1) {
            camera.azimuth_degrees -= DEGREES_A_PIXEL * (event.clientX - before.x);
            camera.elevation_degrees += DEGREES_A_PIXEL * (event.clientY - before.y);
        } else if (pointers.size === 2) {
            camera.radius *= spreadBefore / Math.max(spread(), 1);
        }
        changed();
    });
    for (const end of ["pointerup", "pointercancel"])
        canvas.addEventListener(end, (event) => pointers.delete(event.pointerId));
    canvas.addEventListener(
        "wheel",
        (event) => {
            event.preventDefault();
            // Browsers count in pixels, lines or pages.
            const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
            camera.radius *= Math.exp(0.001 * pixels);
            changed();
        },
        { passive: false },
    );
}

function moveByKeys(camera, start, changed) {
    const moves = {
        ArrowLeft: () => (camera.azimuth_degrees -= DEGREES_A_KEY),
        ArrowRight: () => (camera.azimuth_degrees += DEGREES_A_KEY),
        ArrowUp: () => (camera.elevation_degrees += DEGREES_A_KEY),
        ArrowDown: () => (camera.elevation_degrees -= DEGREES_A_KEY),
        "+": () => (camera.radius /= ZOOM_A_KEY),
        "=": () => (camera.radius /= ZOOM_A_KEY),
        "-": () => (camera.radius *= ZOOM_A_KEY),
        Home: () => Object.assign(camera, start),
    };
    canvas.addEventListener("keydown", (event) => {
        if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        moves[event.key]();
        changed();
    });
}

function clamp(value, lowest, highest) {
    return Math.min(Math.max(value, lowest), highest);
}
