// The steps of triptych.export.web.layers in WebGL2. Images are textures whose layers have four channels each.

const LAYERS_PER_DRAW = 4;

export class StepsOnGraphics {
    constructor(renderer, { tanh, sides, steps }, latent, tensors, [convolution, shuffle]) {
        const { graphics } = renderer;
        this.graphics = graphics;
        this.side = sides.linear;
        this.programs = new Map();
        this.images = new Map([["latents", { ...renderer.latents, scale: 1 }]]);
        this.steps = steps.map((step, number) =>
            step.kind === "shuffle"
                ? this._shuffle(step, shuffle, latent)
                : this._convolution(step, tensors[number], convolution, latent, tanh && number === 0),
        );
        this.sources = { source: this.images.get("linear") };
        if (sides.refinement) this.sources.added = this.images.get("refinement");
        const values = { SIDE: sides.linear, ADDED_SIDE: sides.refinement ?? 0, PICTURE: true };
        this.toPicture = this._program(values, shuffle);
        const [width, height] = [latent.width, latent.height].map((length) => sides.linear * length);
        this.picture = graphics.framebuffer(graphics.texture(graphics.gl.RGBA8, width, height));
    }

    /** The picture of the renderer's latents, of which the first {height, width} count, as ImageData. */
    async decode({ height, width }) {
        const { gl } = this.graphics;
        for (const step of this.steps) step(height, width);
        const [down, across] = [this.side * height, this.side * width];
        this.graphics.run(this.toPicture, this.picture, across, down, this.sources);
        const picture = new ImageData(across, down);
        gl.readPixels(0, 0, across, down, gl.RGBA, gl.UNSIGNED_BYTE, picture.data);
        return picture;
    }

    /** A function that computes a convolution for latents of a height and width. */
    _convolution({ kind, source, target, side, channels, added, relu }, { shape, values }, text, latent, tanh) {
        const { graphics } = this;
        const { gl } = graphics;
        const [draws, rows] = shape;
        const from = this.images.get(source);
        const textures = added ? { source: from, added: this.images.get(added) } : { source: from };
        const program = this._program(
            {
                ROWS: rows,
                SIDE: side,
                LAYERS: Math.ceil(channels / 4),
                DEPTHWISE: kind === "depthwise",
                ADDED: Boolean(added),
                RELU: relu,
                TANH: tanh,
            },
            text,
        );
        gl.uniformBlockBinding(program, gl.getUniformBlockIndex(program, "Weights"), 0);
        const weights = graphics.uniforms(values);
        const { targets } = this._image(target, LAYERS_PER_DRAW * draws, from.scale, latent);
        return (height, width) => {
            gl.useProgram(program);
            gl.uniform2i(graphics.place(program, "size"), from.scale * width, from.scale * height);
            for (const [draw, framebuffer] of targets.entries()) {
                gl.bindBufferRange(gl.UNIFORM_BUFFER, 0, weights, 16 * draw * rows, 16 * rows);
                gl.uniform1i(graphics.place(program, "first"), LAYERS_PER_DRAW * draw);
                graphics.run(program, framebuffer, from.scale * width, from.scale * height, textures);
            }
        };
    }

    /** A function that computes a shuffle for latents of a height and width. */
    _shuffle({ source, target, side, channels }, text, latent) {
        const { graphics } = this;
        const from = this.images.get(source);
        const program = this._program({ SIDE: side, ADDED_SIDE: 0, PICTURE: false }, text);
        const scale = side * from.scale;
        const layers = LAYERS_PER_DRAW * Math.ceil(channels / 4 / LAYERS_PER_DRAW);
        const image = this._image(target, layers, scale, latent);
        const targets = Array.from({ length: Math.ceil(channels / 4) }, (_, layer) => graphics.framebuffer(image, layer));
        return (height, width) => {
            graphics.gl.useProgram(program);
            for (const [layer, framebuffer] of targets.entries()) {
                graphics.gl.uniform1i(graphics.place(program, "layer"), layer);
                graphics.run(program, framebuffer, scale * width, scale * height, { source: from });
            }
        };
    }

    /** The image of this name, made when it is first asked for. */
    _image(name, layers, scale, { width, height }) {
        const { graphics } = this;
        if (!this.images.has(name)) {
            const image = graphics.texture(graphics.targetFormat, scale * width, scale * height, layers);
            const targets = Array.from({ length: layers / LAYERS_PER_DRAW }, (_, draw) =>
                graphics.framebuffer(image, LAYERS_PER_DRAW * draw, LAYERS_PER_DRAW),
            );
            this.images.set(name, { ...image, scale, targets });
        }
        return this.images.get(name);
    }

    _program(values, text) {
        const key = JSON.stringify(values);
        if (!this.programs.has(key)) this.programs.set(key, this.graphics.program(values, text));
        return this.programs.get(key);
    }
}
