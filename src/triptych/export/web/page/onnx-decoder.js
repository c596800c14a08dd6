// Latents to pictures, by onnxruntime-web in WebAssembly, on one thread: more would want headers from the server.

import * as ort from "./runtime/ort.wasm.bundle.min.mjs";

export class Decoder {
    static async create(renderer, { latent }) {
        ort.env.wasm.numThreads = 1;
        ort.env.wasm.wasmPaths = { wasm: new URL("runtime/ort-wasm-simd-threaded.wasm", import.meta.url).href };
        const session = await ort.InferenceSession.create("decoder.onnx", { executionProviders: ["wasm"] });
        return new Decoder(renderer, session, latent.channels);
    }

    constructor(renderer, session, channels) {
        Object.assign(this, { renderer, session, channels });
    }

    /** The picture of the renderer's latents, of which the first {height, width} count, as ImageData. */
    async decode({ height: rows, width: columns }) {
        const values = await this.renderer.read({ height: rows, width: columns });
        const latents = new ort.Tensor("float32", values, [1, this.channels, rows, columns]);
        const { images } = await this.session.run({ latents });
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
