// Tri-planes to latent images, in WebGL2.

import { readTexts } from "./graphics.js";
import { querySource } from "./mlp.js";
import { groupsOf } from "./planes.js";

/** A part of a picture that is drawn in parts: where it begins with, and about how long it may take. */
const FEWEST_RAYS = 1024;
const PART_MILLISECONDS = 100;

export class Renderer {
    /** Compile the shaders of a folder's model; `manifest` and the tensors `shared` are those of the folder. */
    static async create(graphics, manifest, shared) {
        const sources = await readTexts(
            "field.glsl", "densities.glsl", "densest.glsl", "occupancy.glsl", "dilate.glsl", "latents.glsl",
        );
        return new Renderer(graphics, manifest, shared, sources);
    }

    constructor(graphics, manifest, shared, [field, densities, densest, occupancy, dilate, latents]) {
        const { gl } = graphics;
        this.graphics = graphics;
        this.manifest = manifest;
        this.side = manifest.occupancy.side;
        this.groups = groupsOf(manifest.planes);
        this.attachments = Math.ceil(manifest.latent.channels / 4);

        const values = this._values();
        const query = querySource(manifest, shared, this.groups, outputsOf(manifest));
        this.look = graphics.program(values, field, query, densities);
        this.weigh = graphics.program(values, densest);
        this.find = graphics.program(values, occupancy);
        this.dilate = graphics.program(values, dilate);
        this.draw = graphics.program(values, field, query, latents);

        const { height, width } = manifest.latent;
        const resolution = manifest.planes.resolution;
        // Half precision is far finer than the 8 bits that the planes come in.
        this.planes = graphics.texture(graphics.interpolatedFormat(), resolution, resolution, 3 * this.groups);
        graphics.interpolate(this.planes);
        this.densities = graphics.texture(graphics.targetFormat, this.side * this.side, this.side);
        this.densest = graphics.texture(graphics.targetFormat, this.side, this.side);
        this.found = graphics.texture(gl.R32UI, this.side, this.side);
        this.occupied = graphics.texture(gl.R32UI, this.side, this.side);
        this.background = graphics.texture(gl.RGBA32F, width, height, this.attachments);
        graphics.fill(this.background, packBackground(manifest, shared));
        /** What `render` writes: layers of four channels. */
        this.latents = graphics.texture(graphics.targetFormat, width, height, this.attachments);
        this.toDensities = graphics.framebuffer(this.densities);
        this.toDensest = graphics.framebuffer(this.densest);
        this.toFound = graphics.framebuffer(this.found);
        this.toOccupied = graphics.framebuffer(this.occupied);
        this.toLatents = graphics.framebuffer(this.latents, 0, this.attachments);
        this._setConstants();
    }

    /** Show other tri-planes from now on: [plane, group, row, column, 4], see composePlanes. */
    setPlanes(values) {
        const { graphics, side } = this;
        graphics.fill(this.planes, values);
        const { planes, densities, densest } = this;
        graphics.run(this.look, this.toDensities, side * side, side, { planes });
        graphics.run(this.weigh, this.toDensest, side, side, { densities });
        graphics.run(this.find, this.toFound, side, side, { densities, densest });
        graphics.run(this.dilate, this.toOccupied, side, side, { occupancy: this.found });
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
        const { graphics, draw } = this;
        const { gl } = graphics;
        const { picture, latent } = this.manifest;
        const [width, height] = [latent.width, latent.height].map((side) => Math.max(1, Math.round(scale * side)));
        const [across, down] = [width / picture.width, height / picture.height];
        const [fx, fy, cx, cy] = intrinsics;
        gl.useProgram(draw);
        const columns = [0, 1, 2].flatMap((column) => c2w.map((row) => row[column]));
        gl.uniformMatrix3fv(graphics.place(draw, "rotation"), false, columns);
        gl.uniform3fv(graphics.place(draw, "origin"), c2w.map((row) => row[3]));
        gl.uniform4f(graphics.place(draw, "intrinsics"), fx * across, fy * down, cx * across, cy * down);
        gl.uniform1i(graphics.place(draw, "rays"), rays);
        gl.uniform2f(graphics.place(draw, "background_scale"), latent.width / width, latent.height / height);
        const drawn = isStale ? await this._drawInParts(width, height, isStale) : this._drawRows(width, 0, height);
        return drawn ? { height, width } : undefined;
    }

    _drawRows(width, first, count) {
        const { planes, occupied, background } = this;
        const textures = { planes, occupancy: occupied, background };
        this.graphics.run(this.draw, this.toLatents, width, count, textures, first);
        return true;
    }

    /** Draw all rows, as many at once as take about as long as a picture while something moves; whether all are drawn. */
    async _drawInParts(width, height, isStale) {
        let count = Math.ceil(FEWEST_RAYS / width);
        for (let first = 0; first < height; ) {
            if (isStale()) return false;
            const begin = performance.now();
            count = Math.min(count, height - first);
            this._drawRows(width, first, count);
            await this.graphics.finish();
            first += count;
            if (performance.now() - begin < PART_MILLISECONDS / 2) count *= 2;
        }
        return !isStale();
    }

    /** The first pixels of `latents` as numbers [channel, row, column]. */
    read({ height, width }) {
        const { gl } = this.graphics;
        const { channels } = this.manifest.latent;
        const pixels = height * width;
        const latents = new Float32Array(channels * pixels);
        const four = new Float32Array(4 * pixels);
        gl.bindFramebuffer(gl.FRAMEBUFFER, this.toLatents);
        for (let channel = 0; channel < channels; channel++) {
            if (channel % 4 === 0) {
                gl.readBuffer(gl.COLOR_ATTACHMENT0 + channel / 4);
                gl.readPixels(0, 0, width, height, gl.RGBA, gl.FLOAT, four);
            }
            const own = latents.subarray(channel * pixels, (channel + 1) * pixels);
            for (let pixel = 0; pixel < pixels; pixel++) own[pixel] = four[4 * pixel + (channel % 4)];
        }
        return latents;
    }

    _values() {
        const { mlp, sampling } = this.manifest;
        return {
            SIDE: this.side,
            PLACES: this.manifest.occupancy.places,
            GROUPS: this.groups,
            OUTPUTS: outputsOf(this.manifest),
            ATTACHMENTS: this.attachments,
            HIDDEN_SOFTPLUS: mlp.hidden_activation === "softplus",
            CHANNEL_SIGMOID: mlp.channel_activation === "sigmoid",
            COARSE: sampling.coarse,
            IMPORTANCE: sampling.importance,
        };
    }

    _setConstants() {
        const { graphics } = this;
        const { gl } = graphics;
        const { aabb: [lower, upper], mlp, occupancy } = this.manifest;
        for (const program of [this.look, this.find, this.draw]) {
            gl.useProgram(program);
            gl.uniform3fv(graphics.place(program, "lower"), lower);
            gl.uniform3fv(graphics.place(program, "size"), upper.map((value, axis) => value - lower[axis]));
            gl.uniform1f(graphics.place(program, "density_scale"), mlp.density_scale);
            gl.uniform1f(graphics.place(program, "density_shift"), mlp.density_shift);
            gl.uniform1f(graphics.place(program, "empty_optical_depth"), occupancy.empty_optical_depth);
            gl.uniform1f(graphics.place(program, "empty_share"), occupancy.empty_share);
        }
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
