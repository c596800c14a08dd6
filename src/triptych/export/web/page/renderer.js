// Tri-planes to latent images, by shaders.

import { float, readShaders, vector } from "./graphics.js";
import { querySource } from "./mlp.js";
import { groupsOf } from "./planes.js";

/** A part of a picture that is drawn in parts: where it begins with, and about how long it may take. */
const FEWEST_RAYS = 1024;
const PART_MILLISECONDS = 100;
/** c2w, intrinsics, rays, up to a multiple of four. */
const CAMERA_NUMBERS = 20;

export class Renderer {
    /** Compile the shaders of a folder's model; `manifest` and the tensors `shared` are those of the folder. */
    static async create(graphics, manifest, shared) {
        const names = ["field", "densities", "densest", "occupancy", "latents"];
        return new Renderer(graphics, manifest, shared, await readShaders(graphics, ...names));
    }

    constructor(graphics, manifest, shared, [field, densities, densest, occupancy, latents]) {
        this.graphics = graphics;
        this.manifest = manifest;
        this.side = manifest.occupancy.side;
        this.groups = groupsOf(manifest.planes);
        this.layers = Math.ceil(manifest.latent.channels / 4);

        const values = this._values();
        const query = querySource(manifest, shared, this.groups, outputsOf(manifest), graphics.language);
        this.look = graphics.program(values, field, query, densities);
        this.weigh = graphics.program(values, densest);
        this.find = graphics.program(values, occupancy);
        this.draw = graphics.program(values, field, query, latents);

        const { height, width } = manifest.latent;
        const resolution = manifest.planes.resolution;
        // Half precision, where it is, is far finer than the 8 bits that the planes come in.
        this.planes = graphics.image("interpolated", resolution, resolution, 3 * this.groups);
        /** Rows of places in which density is looked up, along one axis of the box. */
        this.lookups = manifest.occupancy.places * this.side;
        this.densities = graphics.image("numbers", this.side * this.side, this.lookups);
        this.densest = graphics.image("numbers", this.side, this.lookups);
        this.occupied = graphics.image("bits", this.side, this.side);
        this.background = graphics.image("numbers", width, height, this.layers);
        graphics.fill(this.background, packBackground(manifest, shared));
        this.camera = graphics.block(new Float32Array(CAMERA_NUMBERS));
        /** What `render` writes: layers of four channels. */
        this.latents = graphics.image("numbers", width, height, this.layers);
    }

    /** Show other tri-planes from now on: [plane, group, row, column, 4], see composePlanes. */
    setPlanes(values) {
        const { graphics, side, lookups, planes, densities, densest } = this;
        graphics.fill(planes, values);
        graphics.run(this.look, densities, { width: side * side, height: lookups }, { planes });
        graphics.run(this.weigh, densest, { width: side, height: lookups }, { densities });
        graphics.run(this.find, this.occupied, { width: side, height: side }, { densities, densest });
    }

    /**
     * Make `latents` the normalised ones of the tri-planes as a camera sees them; their {height, width}, counted from
     * the first pixel. Nothing if they were given up.
     *
     * @param camera {c2w: three rows of four, OpenCV axes; intrinsics: fx, fy, cx, cy in pixels of the picture}
     * @param rays along each side of a latent pixel, averaged
     * @param scale of a coarser picture: its sides by those of the whole one
     * @param isStale where it is given, rows are drawn in parts, and given up once it says so
     */
    async render({ c2w, intrinsics }, rays, scale, isStale) {
        const { picture, latent } = this.manifest;
        const [width, height] = [latent.width, latent.height].map((side) => Math.max(1, Math.round(scale * side)));
        const [across, down] = [width / picture.width, height / picture.height];
        const [fx, fy, cx, cy] = intrinsics;
        const camera = new Float32Array(CAMERA_NUMBERS);
        camera.set([...c2w.flat(), fx * across, fy * down, cx * across, cy * down, rays]);
        this.graphics.change(this.camera, camera);
        const size = { width, height };
        const drawn = isStale ? await this._drawInParts(size, isStale) : this._draw(size, { first: 0, count: height });
        return drawn ? size : undefined;
    }

    _draw(size, rows) {
        const { planes, occupied, background, camera } = this;
        const inputs = { planes, occupancy: occupied, background, camera };
        this.graphics.run(this.draw, this.latents, size, inputs, rows);
        return true;
    }

    /** Draw all rows, as many at once as take about as long as a picture while something moves; whether all are drawn. */
    async _drawInParts(size, isStale) {
        const { width, height } = size;
        let count = Math.ceil(FEWEST_RAYS / width);
        for (let first = 0; first < height; ) {
            if (isStale()) return false;
            const begin = performance.now();
            count = Math.min(count, height - first);
            this._draw(size, { first, count });
            await this.graphics.finish();
            first += count;
            if (performance.now() - begin < PART_MILLISECONDS / 2) count *= 2;
        }
        return !isStale();
    }

    /** The first pixels of `latents` as numbers [channel, row, column]. */
    async read({ height, width }) {
        const { channels } = this.manifest.latent;
        const pixels = height * width;
        const fours = await this.graphics.read(this.latents, { height, width });
        const latents = new Float32Array(channels * pixels);
        for (let channel = 0; channel < channels; channel++) {
            const from = 4 * pixels * (channel >> 2) + (channel & 3);
            for (let pixel = 0; pixel < pixels; pixel++) latents[channel * pixels + pixel] = fours[from + 4 * pixel];
        }
        return latents;
    }

    _values() {
        const { aabb: [lower, upper], latent, mlp, occupancy, sampling } = this.manifest;
        return {
            LOWER: vector(lower),
            BOX: vector(upper.map((value, axis) => value - lower[axis])),
            WIDTH: latent.width,
            HEIGHT: latent.height,
            SIDE: this.side,
            PLACES: occupancy.places,
            EMPTY_OPTICAL_DEPTH: float(occupancy.empty_optical_depth),
            EMPTY_SHARE: float(occupancy.empty_share),
            GROUPS: this.groups,
            OUTPUTS: outputsOf(this.manifest),
            LAYERS: this.layers,
            DENSITY_SCALE: float(mlp.density_scale),
            DENSITY_SHIFT: float(mlp.density_shift),
            HIDDEN_SOFTPLUS: mlp.hidden_activation === "softplus",
            CHANNEL_SIGMOID: mlp.channel_activation === "sigmoid",
            COARSE: sampling.coarse,
            IMPORTANCE: sampling.importance,
        };
    }
}

/** Groups of four that hold the channels and the raw density. */
function outputsOf({ latent }) {
    return Math.ceil((latent.channels + 1) / 4);
}

/** The background [pixel, channel] in layers of four channels. */
function packBackground(manifest, shared) {
    const { height, width, channels } = manifest.latent;
    const pixels = height * width;
    const packed = new Float32Array(Math.ceil(channels / 4) * pixels * 4);
    for (let pixel = 0; pixel < pixels; pixel++)
        for (let channel = 0; channel < channels; channel++)
            packed[((channel >> 2) * pixels + pixel) * 4 + (channel & 3)] =
                shared.background.values[pixel * channels + channel];
    return packed;
}
