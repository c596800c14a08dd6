// WebGL2 in a few words: programs from the folder's files, textures, and one program run over a rectangle.

const VERTICES = `#version 300 es
void main() {
    // One triangle that covers everything.
    gl_Position = vec4(vec2(gl_VertexID & 1, gl_VertexID >> 1) * 4.0 - 1.0, 0.0, 1.0);
}`;

export class Graphics {
    constructor() {
        const gl = document.createElement("canvas").getContext("webgl2");
        if (!gl) throw new Error("this browser has no WebGL2; try a newer one");
        this.gl = gl;
        if (gl.getExtension("EXT_color_buffer_float")) this.targetFormat = gl.RGBA32F;
        else if (gl.getExtension("EXT_color_buffer_half_float")) this.targetFormat = gl.RGBA16F;
        else throw new Error("this browser cannot render to textures of floating-point numbers; try another device");
        this.places = new Map();
    }

    /** Whether the processor computes WebGL, for want of a graphics card or of its driver. */
    isSoftware() {
        const { gl } = this;
        const names = gl.getExtension("WEBGL_debug_renderer_info");
        const name = gl.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
        return /swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
    }

    /** The program of shaders laid one behind the other, behind definitions of `values`. */
    program(values, ...sources) {
        const gl = this.gl;
        const lines = Object.entries(values).map(([name, value]) => `#define ${name} ${Number(value)}\n`);
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

    /** Where a uniform is. */
    place(program, name) {
        const known = this.places.get(program);
        if (!known.has(name)) known.set(name, this.gl.getUniformLocation(program, name));
        return known.get(name);
    }

    /** A buffer for uniforms, with these numbers. */
    uniforms(values) {
        const gl = this.gl;
        const buffer = gl.createBuffer();
        gl.bindBuffer(gl.UNIFORM_BUFFER, buffer);
        gl.bufferData(gl.UNIFORM_BUFFER, values, gl.STATIC_DRAW);
        return buffer;
    }

    /** A texture, with `layers` if it is an array of them. */
    texture(format, width, height, layers) {
        const gl = this.gl;
        const kind = layers === undefined ? gl.TEXTURE_2D : gl.TEXTURE_2D_ARRAY;
        const texture = gl.createTexture();
        gl.bindTexture(kind, texture);
        if (layers === undefined) gl.texStorage2D(kind, 1, format, width, height);
        else gl.texStorage3D(kind, 1, format, width, height, layers);
        gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
        gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
        gl.texParameteri(kind, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
        gl.texParameteri(kind, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
        return { kind, texture, width, height, layers };
    }

    /** Fill an array of layers with numbers [layer, row, column, 4]. */
    fill({ kind, texture, width, height, layers }, values) {
        const gl = this.gl;
        gl.bindTexture(kind, texture);
        gl.texSubImage3D(kind, 0, 0, 0, 0, width, height, layers, gl.RGBA, gl.FLOAT, values);
    }

    /**
     * Of numbers that are interpolated. Half precision, which every device can interpolate; but a processor that computes
     * WebGL has to turn it into single precision each time.
     */
    interpolatedFormat() {
        const gl = this.gl;
        const single = this.isSoftware() && gl.getExtension("OES_texture_float_linear");
        return single ? gl.RGBA32F : gl.RGBA16F;
    }

    interpolate({ kind, texture }) {
        const gl = this.gl;
        gl.bindTexture(kind, texture);
        gl.texParameteri(kind, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
        gl.texParameteri(kind, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    }

    /** What writes to a texture, or to `count` layers of it from `first` on. */
    framebuffer({ kind, texture, layers }, first = 0, count = 1) {
        const gl = this.gl;
        const framebuffer = gl.createFramebuffer();
        gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
        const places = Array.from({ length: count }, (_, index) => gl.COLOR_ATTACHMENT0 + index);
        for (const [index, place] of places.entries()) {
            if (layers === undefined) gl.framebufferTexture2D(gl.FRAMEBUFFER, place, kind, texture, 0);
            else gl.framebufferTextureLayer(gl.FRAMEBUFFER, place, texture, 0, first + index);
        }
        gl.drawBuffers(places);
        if (gl.checkFramebufferStatus(gl.FRAMEBUFFER) !== gl.FRAMEBUFFER_COMPLETE)
            throw new Error("this GPU refuses to render to the textures that pictures need");
        return framebuffer;
    }

    /** Run a program over the first pixels of rows of a framebuffer, with textures by the names of its samplers. */
    run(program, framebuffer, width, height, textures, firstRow = 0) {
        const gl = this.gl;
        gl.useProgram(program);
        Object.entries(textures).forEach(([name, { kind, texture }], unit) => {
            gl.activeTexture(gl.TEXTURE0 + unit);
            gl.bindTexture(kind, texture);
            gl.uniform1i(this.place(program, name), unit);
        });
        gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
        gl.viewport(0, firstRow, width, height);
        gl.drawArrays(gl.TRIANGLES, 0, 3);
        gl.activeTexture(gl.TEXTURE0);
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

/** Let the page do what waits: take input, show what is drawn. */
export function pause() {
    return new Promise((goOn) => setTimeout(goOn));
}

/** The texts of files of the folder. */
export async function readTexts(...names) {
    return Promise.all(
        names.map(async (name) => {
            const answer = await fetch(name);
            if (!answer.ok) throw new Error(`${name}: the server answers ${answer.status}`);
            return answer.text();
        }),
    );
}
