// Latents to pictures by the steps of triptych.export.web.layers: on the graphics card, or on the processor where that
// has to compute shaders as well, which takes several times as long there.

import { readShaders } from "./graphics.js";
import { readTensors } from "./planes.js";
import { StepsOnGraphics } from "./steps-on-graphics.js";
import { StepsOnProcessor } from "./steps-on-processor.js";

export class Decoder {
    /** @param asked "graphics" or "processor"; anything else takes what is faster here */
    static async create(renderer, { decoder, latent }, asked) {
        const tensors = await readTensors("decoder.safetensors");
        const processor = asked === "processor" || (asked !== "graphics" && renderer.graphics.isSoftware());
        if (processor) return new StepsOnProcessor(renderer, decoder, latent, tensors);
        const texts = await readShaders(renderer.graphics, "convolution", "shuffle", "picture");
        return new StepsOnGraphics(renderer, decoder, latent, tensors, texts);
    }
}
