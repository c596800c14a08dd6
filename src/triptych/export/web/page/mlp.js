// The tiny MLP (triptych.representation.mlp) as a shader's code, its numbers written out. A compiler then knows them all:
// on a processor this is four times as fast as loops over a buffer.

import { float, vector } from "./graphics.js";

/**
 * `float query(vec3 place, out vec4 raw[OUTPUTS])`, to follow the shader `field`: density per world unit, and the raw
 * channels in the first components of `raw`.
 *
 * @param shared {hidden_weight [unit, feature], hidden_bias, output_weight [output, unit], output_bias}, density first
 * @param groups of four that hold the features
 * @param outputs groups of four that hold the channels and then the raw density
 * @param language "glsl" or "wgsl"
 */
export function querySource({ mlp, latent }, shared, groups, outputs, language) {
    const { hidden_weight, hidden_bias, output_weight, output_bias } = shared;
    const { channels } = latent;
    const features = hidden_weight.shape[1];
    const fours = (count, value) =>
        Array.from({ length: count }, (_, group) => vector([0, 1, 2, 3].map((part) => value(4 * group + part))));
    // The density comes first in the model, last in the shader.
    const outputsOf = (values) =>
        fours(outputs, (place) => (place > channels ? 0 : values(place === channels ? 0 : place + 1)));

    const { head, raw, named } = LANGUAGES[language];
    const lines = fours(groups, () => 0).map((_, group) => `${named("vec4", `f${group}`)} = features(place, ${group});`);
    outputsOf((output) => output_bias.values[output]).forEach((bias, group) =>
        lines.push(`${named("vec4", `o${group}`)} = ${bias};`),
    );
    for (let unit = 0; unit < mlp.hidden; unit++) {
        const weights = fours(groups, (place) =>
            place < features ? hidden_weight.values[unit * features + place] : 0,
        );
        const sum = weights.map((weight, group) => ` + dot(${weight}, f${group})`).join("");
        const value = `hidden_activation(${float(hidden_bias.values[unit])}${sum})`;
        lines.push(`${named("float", `unit${unit}`)} = ${value};`);
        outputsOf((output) => output_weight.values[output * mlp.hidden + unit]).forEach((weight, group) =>
            lines.push(`o${group} += unit${unit} * ${weight};`),
        );
    }
    for (let group = 0; group < outputs; group++) lines.push(`${raw}[${group}] = o${group};`);
    lines.push(`return density_of(o${channels >> 2}[${channels & 3}]);`);
    return `\n${head} {\n${lines.join("\n")}\n}\n`;
}

const LANGUAGES = {
    glsl: {
        head: "float query(vec3 place, out vec4 raw[OUTPUTS])",
        raw: "raw",
        named: (type, name) => `${type} ${name}`,
    },
    wgsl: {
        head: "fn query(place: vec3f, raw: ptr<function, array<vec4f, OUTPUTS>>) -> f32",
        raw: "(*raw)",
        named: (type, name) => `var ${name}`,
    },
};
