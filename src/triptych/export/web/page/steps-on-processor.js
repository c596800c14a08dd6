// The steps of triptych.export.web.layers as plain loops. An image is {height, width, channels, values [row, column,
// channel]}; weights lie in the order that the shaders `convolution` read, blocks of 16 numbers.

import { pause } from "./graphics.js";

const MARGIN = 1e-6;

export class StepsOnProcessor {
    constructor(renderer, decoder, { channels }, tensors) {
        Object.assign(this, { renderer, decoder, channels, tensors });
    }

    /**
     * The picture of the renderer's latents, of which the first {height, width} count, as ImageData; nothing once
     * `isStale` says so.
     */
    async decode(size, isStale) {
        const { sides, steps, tanh } = this.decoder;
        const images = { latents: await this._latents(size, tanh) };
        for (const [number, step] of steps.entries()) {
            if (isStale) await pause();
            if (isStale?.()) return undefined;
            images[step.target] =
                step.kind === "shuffle"
                    ? shuffled(images[step.source], step.side, step.channels, 16 * Math.ceil(step.channels / 16))
                    : convolved(step, images[step.source], images[step.added], this.tensors[number]);
        }
        const parts = Object.entries(sides).map(([name, side]) => shuffled(images[name], side, 3));
        return pictureOf(parts);
    }

    async _latents({ height, width }, tanh) {
        const read = await this.renderer.read({ height, width });
        const channels = 4 * Math.ceil(this.channels / 4);
        const values = new Float32Array(height * width * channels);
        for (let pixel = 0; pixel < height * width; pixel++)
            for (let channel = 0; channel < this.channels; channel++) {
                const value = read[channel * height * width + pixel];
                values[pixel * channels + channel] = tanh
                    ? Math.atanh(2 * Math.min(Math.max(value, MARGIN), 1 - MARGIN) - 1)
                    : value;
            }
        return { height, width, channels, values };
    }
}

/** A convolution's results, and 0 in channels up to the next multiple of 16; what lies outside of the image is zero. */
function convolved({ kind, side, channels, relu }, image, added, { shape: [draws, rows], values: weights }) {
    const { height, width } = image;
    const results = new Float32Array(height * width * 16 * draws);
    if (kind === "depthwise") convolveDepthwise(image, side, rows, weights, results);
    else multiply(windowsOf(image, side, 4 * Math.ceil(channels / 4)), rows, weights, results);
    for (let index = 0; index < results.length; index++) {
        if (added) results[index] += added.values[index];
        if (relu && results[index] < 0) results[index] = 0;
    }
    return { height, width, channels: 16 * draws, values: results };
}

/** An image whose pixels have the first channels of all pixels of a window around them, row by row. */
function windowsOf(image, side, channels) {
    if (side === 1 && image.channels === channels) return image;
    const { height, width } = image;
    const values = new Float32Array(height * width * side * side * channels);
    forEachInWindow(height, width, side, (pixel, tap, other) => {
        const from = other * image.channels;
        values.set(image.values.subarray(from, from + channels), (pixel * side * side + tap) * channels);
    });
    return { height, width, channels: side * side * channels, values };
}

function convolveDepthwise({ height, width, channels, values }, side, rows, weights, results) {
    for (let index = 0; index < results.length; index++) {
        const channel = index % channels;
        results[index] = weights[4 * rows * (channel >> 4) + (channel & 15)];
    }
    forEachInWindow(height, width, side, (pixel, tap, other) => {
        for (let channel = 0; channel < channels; channel++) {
            const weight = weights[4 * rows * (channel >> 4) + 16 * (1 + tap) + (channel & 15)];
            results[pixel * channels + channel] += weight * values[other * channels + channel];
        }
    });
}

/** Tell each pixel, each place of its window, and the pixel there, where that is within the image. */
function forEachInWindow(height, width, side, tell) {
    const reach = (side - 1) / 2;
    for (let pixel = 0; pixel < height * width; pixel++)
        for (let tap = 0; tap < side * side; tap++) {
            const row = Math.floor(pixel / width) + Math.floor(tap / side) - reach;
            const column = (pixel % width) + (tap % side) - reach;
            if (row >= 0 && column >= 0 && row < height && column < width) tell(pixel, tap, row * width + column);
        }
}

/** results [pixel, output] = biases + values [pixel, input] times weights; two pixels and four outputs at once. */
function multiply({ height, width, channels: inputs, values }, rows, weights, results) {
    const pixels = height * width;
    const outputs = results.length / pixels;
    const own = new Float32Array(4 * inputs);
    for (let output = 0; output < outputs; output += 4) {
        const bias = 4 * rows * (output >> 4) + (output & 15);
        // Sixteen numbers for each four inputs, those of the next twelve outputs behind them.
        for (let index = 0; index < 4 * inputs; index++)
            own[index] = weights[bias + 16 + 3 * (output & 15) + 64 * (index >> 4) + (index & 15)];
        for (let pixel = 0; pixel < pixels; pixel += 2) {
            const one = pixel * inputs;
            const other = Math.min(pixel + 1, pixels - 1) * inputs;
            let a = weights[bias], b = weights[bias + 1], c = weights[bias + 2], d = weights[bias + 3];
            let e = a, f = b, g = c, h = d;
            for (let input = 0, at = 0; input < inputs; input++, at += 4) {
                const u = values[one + input], v = values[other + input];
                a += u * own[at];
                b += u * own[at + 1];
                c += u * own[at + 2];
                d += u * own[at + 3];
                e += v * own[at];
                f += v * own[at + 1];
                g += v * own[at + 2];
                h += v * own[at + 3];
            }
            let to = pixel * outputs + output;
            results[to] = a;
            results[to + 1] = b;
            results[to + 2] = c;
            results[to + 3] = d;
            // An odd pixel at the end is alone: what it would write lies beyond the results, where nothing is kept.
            to += outputs;
            results[to] = e;
            results[to + 1] = f;
            results[to + 2] = g;
            results[to + 3] = h;
        }
    }
}

/** torch.nn.PixelShuffle: the first channels of a finer image, and 0 in those that it has beyond them. */
function shuffled({ height, width, channels: blocks, values: from }, side, count, channels = count) {
    const values = new Float32Array(height * width * side * side * channels);
    let to = 0;
    for (let row = 0; row < side * height; row++)
        for (let column = 0; column < side * width; column++, to += channels) {
            const pixel = Math.floor(row / side) * width + Math.floor(column / side);
            const inside = (row % side) * side + (column % side);
            for (let channel = 0; channel < count; channel++)
                values[to + channel] = from[pixel * blocks + channel * side * side + inside];
        }
    return { height: side * height, width: side * width, channels, values };
}

function pictureOf([{ height, width, values }, added]) {
    const picture = new ImageData(width, height);
    for (let pixel = 0; pixel < height * width; pixel++) {
        for (let colour = 0; colour < 3; colour++) {
            const value = values[3 * pixel + colour] + (added ? added.values[3 * pixel + colour] : 0);
            // ImageData rounds and clamps by itself.
            picture.data[4 * pixel + colour] = 255 * value;
        }
        picture.data[4 * pixel + 3] = 255;
    }
    return picture;
}
