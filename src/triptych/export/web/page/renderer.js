// Tri-planes to latent images, in WebGL2.

import { querySource } from "./mlp.js";
import { groupsOf } from "./planes.js";

const VERTICES = `#version 300 es
void main() {
    // One triangle that covers everything.
    gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

export class Renderer {
    /** Compile the shaders of a folder's model; `manifest` and the tensors `shared` are those of the folder. */
    static async create(manifest, shared) {
        const sources = {};
        for (const name of ["field", "occupancy", "dilate", "latents"]) {
            const answer = await fetch(`${name}.glsl`);
            if (!answer.ok) throw new Error(`${name}.glsl: the server answers ${answer.status}`);
            sources[name] = await answer.text();
        }
        return new Renderer(manifest, shared, sources);
    }

    constructor(manifest, shared, sources) {
        const gl = document.createElement("canvas").getContext("webgl2");
        if (!gl) throw new Error("this browser has no WebGL2; try a newer one");
        this.gl = gl;
        this.manifest = manifest;
        this.side = manifest.occupancy.side;
        this.groups = groupsOf(manifest.planes);
        this.attachments = Math.ceil(manifest.latent.channels / 4);
        this._requireTargets();

        const defines = this._defines();
        const field = defines + sources.field + querySource(manifest, shared, this.groups, outputsOf(manifest));
        this.find = this._program(field + sources.occupancy);
        this.dilate = this._program(defines + sources.dilate);
        this.draw = this._program(field + sources.latents);

        const { height, width } = manifest.latent;
        const resolution = manifest.planes.resolution;
        // Half precision is far finer than the 8 bits that the planes come in, and every device can interpolate it.
        this.planes = this._texture(gl.TEXTURE_2D_ARRAY, gl.RGBA16F, resolution, resolution, 3 * this.groups);
        this._interpolate(this.planes);
        this.found = this._texture(gl.TEXTURE_2D, gl.R32UI, this.side, this.side);
        this.occupied = this._texture(gl.TEXTURE_2D, gl.R32UI, this.side, this.side);
        this.background = this._texture(gl.TEXTURE_2D_ARRAY, gl.RGBA32F, width, height, this.attachments);
        const layers = packBackground(manifest, shared);
        gl.texSubImage3D(
            gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, width, height, this.attachments, gl.RGBA, gl.FLOAT, layers,
        );
        const targets = Array.from({ length: this.attachments }, () =>
            this._texture(gl.TEXTURE_2D, this.targetFormat, width, height),
        );
        this.toFound = this._framebuffer([this.found]);
        this.toOccupied = this._framebuffer([this.occupied]);
        this.toLatents = this._framebuffer(targets);
        this._setConstants();
    }

    /** Show other tri-planes from now on: [plane, group, row, column, 4], see composePlanes. */
    setPlanes(values) {
        const gl = this.gl;
        const resolution = this.manifest.planes.resolution;
        gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.planes);
        gl.texSubImage3D(
            gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, resolution, resolution, 3 * this.groups, gl.RGBA, gl.FLOAT, values,
        );
        this._run(this.find, this.toFound, this.side, this.side, { planes: [gl.TEXTURE_2D_ARRAY, this.planes] });
        this._run(this.dilate, this.toOccupied, this.side, this.side, { occupancy: [gl.TEXTURE_2D, this.found] });
    }

    /**
     * Normalised latents {values [channel, row, column], height, width} of the tri-planes as a camera sees them.
     *
     * @param camera {c2w: three rows of four, OpenCV axes; intrinsics: fx, fy, cx, cy in pixels of the picture}
     * @param rays along each side of a latent pixel, averaged
     * @param scale of a coarser picture: its sides by those of the whole one
     */
    render({ c2w, intrinsics }, rays, scale = 1) {
        const gl = this.gl;
        const { picture, latent } = this.manifest;
        const [width, height] = [latent.width, latent.height].map((side) => Math.max(1, Math.round(scale * side)));
        const [across, down] = [width / picture.width, height / picture.height];
        const [fx, fy, cx, cy] = intrinsics;
        gl.useProgram(this.draw);
        const columns = [0, 1, 2].flatMap((column) => c2w.map((row) => row[column]));
        gl.uniformMatrix3fv(this._place(this.draw, "rotation"), false, columns);
        gl.uniform3fv(this._place(this.draw, "origin"), c2w.map((row) => row[3]));
        gl.uniform4f(this._place(this.draw, "intrinsics"), fx * across, fy * down, cx * across, cy * down);
        gl.uniform1i(this._place(this.draw, "rays"), rays);
        gl.uniform2f(this._place(this.draw, "background_scale"), latent.width / width, latent.height / height);
        this._run(this.draw, this.toLatents, width, height, {
            planes: [gl.TEXTURE_2D_ARRAY, this.planes],
            occupancy: [gl.TEXTURE_2D, this.occupied],
            background: [gl.TEXTURE_2D_ARRAY, this.background],
        });
        return { values: this._read(height, width), height, width };
    }

    _read(height, width) {
        const gl = this.gl;
        const { channels } = this.manifest.latent;
        const pixels = height * width;
        const latents = new Float32Array(channels * pixels);
        const four = new Float32Array(4 * pixels);
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

    _requireTargets() {
        const gl = this.gl;
        if (gl.getExtension("EXT_color_buffer_float")) this.targetFormat = gl.RGBA32F;
        else if (gl.getExtension("EXT_color_buffer_half_float")) this.targetFormat = gl.RGBA16F;
        else throw new Error("this browser cannot render to textures of floating-point numbers; try another device");
    }

    _defines() {
        const { mlp, sampling } = this.manifest;
        const values = {
            SIDE: this.side,
            GROUPS: this.groups,
            OUTPUTS: outputsOf(this.manifest),
            ATTACHMENTS: this.attachments,
            HIDDEN_SOFTPLUS: Number(mlp.hidden_activation === "softplus"),
            CHANNEL_SIGMOID: Number(mlp.channel_activation === "sigmoid"),
            COARSE: sampling.coarse,
            IMPORTANCE: sampling.importance,
        };
        const lines = Object.entries(values).map(([name, value]) => `#define ${name} ${value}\n`);
        return `#version 300 es\n${lines.join("")}`;
    }

    _setConstants() {
        const gl = this.gl;
        const { aabb: [lower, upper], mlp, occupancy } = this.manifest;
        for (const program of [this.find, this.draw]) {
            gl.useProgram(program);
            gl.uniform3fv(this._place(program, "lower"), lower);
            gl.uniform3fv(this._place(program, "size"), upper.map((value, axis) => value - lower[axis]));
            gl.uniform1f(this._place(program, "density_scale"), mlp.density_scale);
            gl.uniform1f(this._place(program, "density_shift"), mlp.density_shift);
            gl.uniform1f(this._place(program, "empty_optical_depth"), occupancy.empty_optical_depth);
        }
    }

    _run(program, framebuffer, width, height, textures) {
        const gl = this.gl;
        gl.useProgram(program);
        Object.entries(textures).forEach(([name, [kind, texture]], unit) => {
            gl.activeTexture(gl.TEXTURE0 + unit);
            gl.bindTexture(kind, texture);
            gl.uniform1i(this._place(program, name), unit);
        });
        gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
        gl.viewport(0, 0, width, height);
        gl.drawArrays(gl.TRIANGLES, 0, 3);
        gl.activeTexture(gl.TEXTURE0);
    }

    _place(program, name) {
        return this.gl.getUniformLocation(program, name);
    }

    _program(fragments) {
        const gl = this.gl;
        const program = gl.createProgram();
        for (const [kind, source] of [[gl.VERTEX_SHADER, VERTICES], [gl.FRAGMENT_SHADER, fragments]]) {
            const shader = gl.createShader(kind);
            gl.shaderSource(shader, source);
            gl.compileShader(shader);
            gl.attachShader(program, shader);
            if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
        }
        gl.linkProgram(program);
        if (!gl.getProgramParameter(program, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(program));
        return program;
    }

    _texture(kind, format, width, height, layers) {
        const gl = this.gl;
        const texture = gl.createTexture();
        gl.bindTexture(kind, texture);
        if (layers === undefined) gl.texStorage2D(kind, 1, format, width, height);
        else gl.texStorage3D(kind, 1, format, width, height, layers);
        gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
        gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
        gl.texParameteri(kind, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
        gl.texParameteri(kind, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
        return texture;
    }

    _interpolate(texture) {
        const gl = this.gl;
        gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    }

    _framebuffer(textures) {
        const gl = this.gl;
        const framebuffer = gl.createFramebuffer();
        gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
        const places = textures.map((texture, index) => {
            const place = gl.COLOR_ATTACHMENT0 + index;
            gl.framebufferTexture2D(gl.FRAMEBUFFER, place, gl.TEXTURE_2D, texture, 0);
            return place;
        });
        gl.drawBuffers(places);
        if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE)
            throw new Error("this GPU refuses to render to the textures that latents need");
        return framebuffer;
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
