// From a view (scenes, blend, camera) to its picture.

import { cameraOf } from "./camera.js";
import { composePlanes, readScene } from "./planes.js";

const MOST_KEPT = 24;

/** Renders one view after the other, and keeps the scenes and planes of the last. */
export class Studio {
    constructor(manifest, shared, renderer, decoder) {
        Object.assign(this, { manifest, shared, renderer, decoder });
        this.entries = new Map(manifest.scenes.map((entry) => [entry.name, entry]));
        this.scenes = new Map();
        this.shown = "";
        /** What the last picture took, its scenes being there. */
        this.milliseconds = 0;
        this.last = Promise.resolve();
    }

    /**
     * A picture, as ImageData.
     *
     * @param view {a, b, share, camera, rays, scale}: names of two scenes; 0 shows `a`, 1 shows `b`; c2w and intrinsics,
     *     or whatever of the manifest's orbit shall be another; rays along each side of a latent pixel, if not as many as
     *     the model has; scale of a coarser picture; isStale, asked now and then, whether to give it up. All but `a` may
     *     be left out.
     * @returns nothing if it was given up
     */
    picture(view) {
        const made = this.last.then(() => this._make(view));
        this.last = made.catch(() => {});
        return made;
    }

    async _make({ a, b = a, share = 0, camera = {}, rays = this.manifest.sampling.supersample, scale = 1, isStale }) {
        const shown = JSON.stringify([a, b, share]);
        if (shown !== this.shown) {
            const [first, second] = await Promise.all([this._scene(a), this._scene(b)]);
            this.renderer.setPlanes(composePlanes(this.manifest.planes, this.shared, first, second, share));
            this.shown = shown;
        }
        const placed = camera.c2w ? camera : cameraOf({ ...this.manifest.orbit, ...camera });
        const begin = performance.now();
        // A scene that was fitted to smaller pictures looks best in such.
        const own = this.entries.get(share < 0.5 ? a : b).scale ?? 1;
        const size = await this.renderer.render(placed, rays, scale * own, isStale);
        const picture = size && (await this.decoder.decode(size, isStale));
        this.milliseconds = performance.now() - begin;
        return picture;
    }

    /** A scene, fetched when it is wanted; the last few are kept. */
    async _scene(name) {
        const entry = this.entries.get(name);
        if (!entry) throw new Error(`there is no scene ${name}`);
        const scene = this.scenes.get(name) ?? (await readScene(entry.file, this.shared));
        this.scenes.delete(name);
        this.scenes.set(name, scene);
        if (this.scenes.size > MOST_KEPT) this.scenes.delete(this.scenes.keys().next().value);
        return scene;
    }
}
