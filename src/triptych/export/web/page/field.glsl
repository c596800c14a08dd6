// The field: density and channels at a place of the scene box, from tri-planes and the tiny MLP
// (triptych.representation.planes and .mlp). Places are in [0, 1]^3. renderer.js puts the sizes before this file.
precision highp float;
precision highp int;
precision highp sampler2DArray;
precision highp usampler2D;

// Layer plane * GROUPS + g holds features 4 g to 4 g + 3 of plane XY, XZ or YZ; columns are its first axis.
uniform sampler2DArray planes;
// The output biases; then for each hidden unit its bias (in x), its weights, and the output weights that it feeds.
// Outputs are ordered channels first, the raw density last.
layout(std140) uniform Mlp { vec4 mlp[MLP_ROWS]; };
uniform vec3 lower;
uniform vec3 size;
uniform float density_scale;
uniform float density_shift;

float softplus(float x) {
    return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

float hidden_activation(float x) {
#if HIDDEN_SOFTPLUS
    return softplus(x);
#else
    return max(x, 0.0);
#endif
}

vec4 channel_activation(vec4 x) {
#if CHANNEL_SIGMOID
    return 1.0 / (1.0 + exp(-x));
#else
    return x;
#endif
}

// Density per world unit; the raw channels in the first components of raw.
float query(vec3 place, out vec4 raw[OUTPUTS]) {
    vec4 features[GROUPS];
    for (int g = 0; g < GROUPS; g++) {
        features[g] = textureLod(planes, vec3(place.xy, g), 0.0)
            + textureLod(planes, vec3(place.xz, GROUPS + g), 0.0)
            + textureLod(planes, vec3(place.yz, 2 * GROUPS + g), 0.0);
    }
    int row = 0;
    for (int o = 0; o < OUTPUTS; o++) {
        raw[o] = mlp[row++];
    }
    for (int unit = 0; unit < HIDDEN; unit++) {
        float sum = mlp[row++].x;
        for (int g = 0; g < GROUPS; g++) {
            sum += dot(mlp[row++], features[g]);
        }
        float value = hidden_activation(sum);
        for (int o = 0; o < OUTPUTS; o++) {
            raw[o] += value * mlp[row++];
        }
    }
    return density_scale * softplus(raw[CHANNELS / 4][CHANNELS % 4] + density_shift);
}
