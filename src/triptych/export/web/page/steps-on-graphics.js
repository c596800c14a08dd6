// The steps of triptych.export.web.layers by shaders. Images have layers of four channels each.

const CHANNELS_PER_DRAW = 16;

export class StepsOnGraphics {
    constructor(renderer, { tanh, sides, steps }, latent, tensors, [convolution, shuffle, picture]) {
        this.graphics = renderer.graphics;
        this.latent = latent;
        this.programs = new Map();
        this.images = new Map([["latents", { ...renderer.latents, scale: 1 }]]);
        this.steps = steps.map((step, number) =>
            step.kind === "shuffle"
                ? this._shuffle(step, shuffle)
                : this._convolution(step, tensors[number], convolution, tanh && number === 0),
        );
        this.sum = this._sum(sides, picture);
    }

    /** The picture of the renderer's latents, of which the first {height, width} count, as ImageData. */
    async decode({ height, width }) {
        for (const step of this.steps) step(height, width);
        const picture = this.sum(height, width);
        const [down, across] = [picture.scale * height, picture.scale * width];
        return new ImageData(await this.graphics.read(picture, { height: down, width: across }), across, down);
    }

    /** A function that computes a convolution for latents of a height and width. */
    _convolution({ kind, source, target, side, channels, added, relu }, { shape: [draws, rows], values }, text, tanh) {
        const definitions = {
            ROWS: rows,
            REACH: (side - 1) / 2,
            LAYERS: Math.ceil(channels / 4),
            DEPTHWISE: kind === "depthwise",
            ADDED: Boolean(added),
            RELU: relu,
            TANH: tanh,
        };
        const from = this.images.get(source);
        const inputs = {
            source: from,
            added: added ? this.images.get(added) : from,
            weights: this.graphics.block(values),
        };
        return this._step(this._program(definitions, text), inputs, target, from.scale, CHANNELS_PER_DRAW * draws);
    }

    /** A function that computes a shuffle. */
    _shuffle({ source, target, side, channels }, text) {
        const from = this.images.get(source);
        const program = this._program({ BLOCK: side, CHANNELS: channels }, text);
        return this._step(program, { source: from }, target, side * from.scale, channels);
    }

    /** A function that computes the picture. */
    _sum({ linear, refinement }, text) {
        const source = this.images.get("linear");
        const inputs = { source, added: this.images.get("refinement") ?? source };
        const [width, height] = [this.latent.width, this.latent.height].map((length) => linear * length);
        this.images.set("picture", { ...this.graphics.image("pixels", width, height), scale: linear });
        const program = this.graphics.program({ BLOCK: linear, ADDED_BLOCK: refinement ?? 0 }, text);
        return this._step(program, inputs, "picture", linear);
    }

    /** A function that runs a program for latents of a height and width, and returns the image that it writes. */
    _step(program, inputs, target, scale, channels) {
        const { graphics, latent, images } = this;
        if (!images.has(target)) {
            const layers = 4 * Math.ceil(channels / CHANNELS_PER_DRAW);
            const image = graphics.image("numbers", scale * latent.width, scale * latent.height, layers);
            images.set(target, { ...image, scale });
        }
        const image = images.get(target);
        return (height, width) => {
            graphics.run(program, image, { width: scale * width, height: scale * height }, inputs);
            return image;
        };
    }

    _program(values, text) {
        const key = JSON.stringify(values);
        if (!this.programs.has(key)) this.programs.set(key, this.graphics.program(values, text));
        return this.programs.get(key);
    }
}
