// Latents to pictures, by onnxruntime-web in WebAssembly, on one thread: more would want headers from the server.

import * as ort from "./runtime/ort.wasm.bundle.min.mjs";

export class Decoder {
    static async create({ latent, picture }) {
        ort.env.wasm.numThreads = 1;
        ort.env.wasm.wasmPaths = { wasm: new URL("runtime/ort-wasm-simd-threaded.wasm", import.meta.url).href };
        const session = await ort.InferenceSession.create("decoder.onnx", { executionProviders: ["wasm"] });
        return new Decoder(session, latent, picture);
    }

    constructor(session, latent, picture) {
        this.session = session;
        this.latentShape = [1, latent.channels, latent.height, latent.width];
        this.picture = picture;
    }

    /** The picture of normalised latents [channel, row, column], as ImageData. */
    async decode(latents) {
        const { images } = await this.session.run({ latents: new ort.Tensor("float32", latents, this.latentShape) });
        const { height, width } = this.picture;
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
