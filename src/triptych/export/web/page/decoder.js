// Latents to pictures, by onnxruntime-web in WebAssembly, on one thread: more would want headers from the server.

import * as ort from "./runtime/ort.wasm.bundle.min.mjs";

export class Decoder {
    static async create({ latent }) {
        ort.env.wasm.numThreads = 1;
        ort.env.wasm.wasmPaths = { wasm: new URL("runtime/ort-wasm-simd-threaded.wasm", import.meta.url).href };
        const session = await ort.InferenceSession.create("decoder.onnx", { executionProviders: ["wasm"] });
        return new Decoder(session, latent.channels);
    }

    constructor(session, channels) {
        this.session = session;
        this.channels = channels;
    }

    /** The picture of normalised latents {values [channel, row, column], height, width}, as ImageData. */
    async decode(latents) {
        const shape = [1, this.channels, latents.height, latents.width];
        const { images } = await this.session.run({ latents: new ort.Tensor("float32", latents.values, shape) });
        const [, , height, width] = images.dims;
        const picture = new ImageData(width, height);
        const pixels = height * width;
        for (let pixel = 0; pixel < pixels; pixel++) {
            // ImageData rounds and clamps by itself.
            for (let colour = 0; colour < 3; colour++)
                picture.data[4 * pixel + colour] = 255 * images.data[colour * pixels + pixel];
            picture.data[4 * pixel + 3] = 255;
        }
        return picture;
    }
}
