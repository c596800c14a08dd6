// WebGL2 in a few words: images, programs, and one program run over an image.

import { pause } from "../graphics.js";

const VERTICES = `#version 300 es
void main() {
    // One triangle that covers everything.
    gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;
const LAYERS_PER_DRAW = 4;

export class Graphics {
    name = "WebGL2";
    folder = "webgl";
    language = "glsl";

    constructor() {
        const gl = document.createElement("canvas").getContext("webgl2");
        if (!gl) throw new Error("this browser has no WebGL2; try a newer one");
        this.gl = gl;
        let numbers = gl.RGBA32F;
        if (!gl.getExtension("EXT_color_buffer_float")) {
            numbers = gl.RGBA16F;
            if (!gl.getExtension("EXT_color_buffer_half_float"))
                throw new Error("this browser cannot render to textures of floating-point numbers; try another device");
        }
        // A processor that computes WebGL would have to turn half precision into single precision each time.
        const single = this.isSoftware() && gl.getExtension("OES_texture_float_linear");
        this.formats = {
            numbers,
            interpolated: single ? gl.RGBA32F : gl.RGBA16F,
            bits: gl.R32UI,
            pixels: gl.RGBA8,
        };
        this.places = new Map();
    }

    /** Whether the processor computes it, for want of a graphics card or of its driver. */
    isSoftware() {
        const { gl } = this;
        const names = gl.getExtension("WEBGL_debug_renderer_info");
        const name = gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
        return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
    }

    /** Have this called if it cannot go on. */
    whenBroken(tell) {
        this.gl.canvas.addEventListener("webglcontextlost", tell);
    }

    /** The program of shaders laid one behind the other, behind definitions of `values`. */
    program(values, ...sources) {
        const { gl } = this;
        const lines = Object.entries(values).map(([name, value]) => {
            return `#define ${name} ${typeof value === "boolean" ? Number(value) : value}\n`;
        });
        const fragments = `#version 300 es\n${lines.join("")}${sources.join("")}`;
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
        this.places.set(program, new Map());
        return program;
    }

    /**
     * An image [layer, row, column] of zeros; a program can write to all but interpolated ones.
     *
     * @param kind four "numbers" a pixel, four that can be "interpolated", 32 "bits" or the bytes of "pixels"
     */
    image(kind, width, height, layers = 1) {
        const { gl } = this;
        const texture = gl.createTexture();
        gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
        gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, this.formats[kind], width, height, layers);
        const filter = kind === "interpolated" ? gl.LINEAR : gl.NEAREST;
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MIN_FILTER, filter);
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_MAG_FILTER, filter);
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
        gl.texParameteri(gl.TEXTURE_2D_ARRAY, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
        const framebuffers = [];
        for (let first = 0; first < layers && kind !== "interpolated"; first += LAYERS_PER_DRAW)
            framebuffers.push(this._framebuffer(texture, first, Math.min(LAYERS_PER_DRAW, layers - first)));
        return { kind, texture, width, height, layers, framebuffers };
    }

    /** What writes to `count` layers of a texture from `first` on. */
    _framebuffer(texture, first, count) {
        const { gl } = this;
        const framebuffer = gl.createFramebuffer();
        gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
        const places = Array.from({ length: count }, (_, index) => gl.COLOR_ATTACHMENT0 + index);
        for (const [index, place] of places.entries())
            gl.framebufferTextureLayer(gl.FRAMEBUFFER, place, texture, 0, first + index);
        gl.drawBuffers(places);
        if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE)
            throw new Error("this GPU refuses to render to the textures that pictures need");
        return framebuffer;
    }

    /** Fill an image with numbers [layer, row, column, 4]. */
    fill({ texture, width, height, layers }, values) {
        const { gl } = this;
        gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
        gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, 0, 0, width, height, layers, gl.RGBA, gl.FLOAT, values);
    }

    /** A block of numbers; of a program that writes more than four layers, each four have an equal part of it. */
    block(values) {
        const block = { buffer: this.gl.createBuffer(), bytes: values.byteLength };
        this.change(block, values);
        return block;
    }

    change({ buffer }, values) {
        const { gl } = this;
        gl.bindBuffer(gl.UNIFORM_BUFFER, buffer);
        gl.bufferData(gl.UNIFORM_BUFFER, values, gl.STATIC_DRAW);
    }

    /**
     * Run a program over the first {width, height} of an image.
     *
     * @param inputs images and blocks by their names in the program
     * @param rows {first, count}: of these alone
     */
    run(program, target, { width, height }, inputs, rows = { first: 0, count: height }) {
        const { gl } = this;
        const { framebuffers } = target;
        gl.useProgram(program);
        const blocks = [];
        Object.entries(inputs).forEach(([name, { texture, buffer, bytes }], unit) => {
            if (buffer) {
                gl.uniformBlockBinding(program, gl.getUniformBlockIndex(program, name), unit);
                blocks.push({ unit, buffer, part: bytes / framebuffers.length });
            } else {
                gl.activeTexture(gl.TEXTURE0 + unit);
                gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
                gl.uniform1i(this._place(program, name), unit);
            }
        });
        gl.viewport(0, rows.first, width, rows.count);
        for (const [draw, framebuffer] of framebuffers.entries()) {
            for (const { unit, buffer, part } of blocks)
                gl.bindBufferRange(gl.UNIFORM_BUFFER, unit, buffer, draw * part, part);
            gl.uniform3i(this._place(program, "extent"), width, height, LAYERS_PER_DRAW * draw);
            gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
            gl.drawArrays(gl.TRIANGLES, 0, 3);
        }
        gl.activeTexture(gl.TEXTURE0);
    }

    /** Where a uniform is. */
    _place(program, name) {
        const known = this.places.get(program);
        if (!known.has(name)) known.set(name, this.gl.getUniformLocation(program, name));
        return known.get(name);
    }

    /** The first {width, height} of an image of up to four layers: numbers or pixels [layer, row, column, 4]. */
    async read({ kind, layers, framebuffers }, { width, height }) {
        const { gl } = this;
        const length = 4 * width * height;
        const [type, Values] =
            kind === "pixels" ? [gl.UNSIGNED_BYTE, Uint8ClampedArray] : [gl.FLOAT, Float32Array];
        const values = new Values(layers * length);
        gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffers[0]);
        for (let layer = 0; layer < layers; layer++) {
            gl.readBuffer(gl.COLOR_ATTACHMENT0 + layer);
            gl.readPixels(0, 0, width, height, gl.RGBA, type, values.subarray(layer * length, (layer + 1) * length));
        }
        return values;
    }

    /** Wait until everything so far is computed; the page lives on meanwhile. */
    async finish() {
        const { gl } = this;
        const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
        gl.flush();
        while (gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) await pause();
        gl.deleteSync(fence);
    }
}
