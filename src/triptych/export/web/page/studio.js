// From a view (scenes, blend, camera) to its picture.

import { cameraOf } from "./camera.js";
import { composePlanes, readScene } from "./planes.js";

/** Renders one view after the other, and keeps the scenes and planes of the last. */
export class Studio {
    constructor(manifest, shared, renderer, decoder) {
        Object.assign(this, { manifest, shared, renderer, decoder });
        this.scenes = new Map();
        this.shown = "";
        /** What the last picture took, its scenes being there. */
        this.milliseconds = 0;
        this.last = Promise.resolve();
    }

    /**
     * A picture, as ImageData.
     *
     * @param view {a, b, share, camera, rays}: names of two scenes; 0 shows `a`, 1 shows `b`; c2w and intrinsics, or
     *     whatever of the manifest's orbit shall be another; rays along each side of a latent pixel, if not as many as
     *     the model has. All but `a` may be left out.
     */
    picture(view) {
        const made = this.last.then(() => this._make(view));
        this.last = made.catch(() => {});
        return made;
    }

    async _make({ a, b = a, share = 0, camera = {}, rays = this.manifest.sampling.supersample }) {
        const shown = JSON.stringify([a, b, share]);
        if (shown !== this.shown) {
            const [first, second] = await Promise.all([this._scene(a), this._scene(b)]);
            this.renderer.setPlanes(composePlanes(this.manifest.planes, this.shared, first, second, share));
            this.shown = shown;
        }
        const placed = camera.c2w ? camera : cameraOf({ ...this.manifest.orbit, ...camera });
        const begin = performance.now();
        const picture = await this.decoder.decode(this.renderer.render(placed, rays));
        this.milliseconds = performance.now() - begin;
        return picture;
    }

    async _scene(name) {
        if (!this.scenes.has(name)) {
            const entry = this.manifest.scenes.find((scene) => scene.name === name);
            if (!entry) throw new Error(`there is no scene ${name}`);
            this.scenes.set(name, await readScene(entry.file, this.shared));
        }
        return this.scenes.get(name);
    }
}
