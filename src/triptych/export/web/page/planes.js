// Scenes as the folder holds them, and the tri-planes that a blend of two of them makes.

import { decodeMicro } from "./coding.js";

/** A scene of the folder: its coefficients, and its micro planes [plane, feature, row, column]. */
export async function readScene(url, shared) {
    const { coefficients, micro } = await readTensors(url);
    return { coefficients: coefficients.values, micro: decodeMicro(micro.values, shared.start) };
}

/** The tensors of a safetensors file, by name: {shape, values}. */
export async function readTensors(url) {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(`${url}: the server answers ${answer.status}`);
    const content = await answer.arrayBuffer();
    const headerLength = Number(new DataView(content).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(content, 8, headerLength)));
    const tensors = {};
    for (const [name, { dtype, shape, data_offsets: [begin, end] }] of Object.entries(header)) {
        const bytes = content.slice(8 + headerLength + begin, 8 + headerLength + end);
        tensors[name] = { shape, values: dtype === "U8" ? new Uint8Array(bytes) : new Float32Array(bytes) };
    }
    return tensors;
}

/**
 * Full tri-planes of the scene that lies `share` of the way from scene `a` to scene `b`, as the texture of the shader `field`
 * wants them: [plane, group of features, row, column, 4].
 *
 * Micro planes and coefficients are interpolated; the base planes are summed over the coefficients.
 */
export function composePlanes(config, shared, a, b, share) {
    const { resolution, micro_features: micro, macro_features: macro } = config;
    const texels = resolution * resolution;
    const groups = groupsOf(config);
    const texture = new Float32Array(3 * groups * texels * 4);

    /** Add scale * values + offset to one feature of one plane. */
    function add(plane, feature, values, from, scale, offset) {
        const to = (plane * groups + (feature >> 2)) * texels * 4 + (feature & 3);
        for (let texel = 0; texel < texels; texel++) texture[to + 4 * texel] += scale * values[from + texel] + offset;
    }

    const scenes = share === 0 ? [[a, 1]] : share === 1 ? [[b, 1]] : [[a, 1 - share], [b, share]];
    for (const [scene, weight] of scenes) {
        for (let plane = 0; plane < 3; plane++)
            for (let feature = 0; feature < micro; feature++)
                add(plane, feature, scene.micro, (plane * micro + feature) * texels, weight, 0);
    }
    const { base, base_scale: scales, base_offset: offsets } = shared;
    const firstMacro = config.combine === "sum" ? 0 : micro;
    const count = macro ? config.base_planes : 0;
    for (let k = 0; k < count; k++) {
        const weight = scenes.reduce((sum, [scene, part]) => sum + part * scene.coefficients[k], 0);
        for (let plane = 0; plane < 3; plane++)
            for (let feature = 0; feature < macro; feature++) {
                const channel = (k * 3 + plane) * macro + feature;
                const [scale, offset] = [weight * scales.values[channel], weight * offsets.values[channel]];
                add(plane, firstMacro + feature, base.values, channel * texels, scale, offset);
            }
    }
    return texture;
}

/** Features of a texel in groups of four. */
export function groupsOf({ micro_features: micro, macro_features: macro, combine }) {
    return Math.ceil((combine === "sum" ? Math.max(micro, macro) : micro + macro) / 4);
}
