// The field: density and channels at a place of the scene box, from tri-planes and the tiny MLP
// (triptych.representation.planes and .mlp). Places are in [0, 1]^3. renderer.js puts the sizes before this file, and the
// MLP of mlp.js behind it.
precision highp float;
precision highp int;
precision highp sampler2DArray;
precision highp usampler2DArray;

// Layer plane * GROUPS + g holds features 4 g to 4 g + 3 of plane XY, XZ or YZ; columns are its first axis.
uniform sampler2DArray planes;

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

// Four features at a place.
vec4 features(vec3 place, int group) {
    return textureLod(planes, vec3(place.xy, group), 0.0)
        + textureLod(planes, vec3(place.xz, GROUPS + group), 0.0)
        + textureLod(planes, vec3(place.yz, 2 * GROUPS + group), 0.0);
}

// Density per world unit from the MLP's raw one.
float density_of(float raw) {
    return DENSITY_SCALE * softplus(raw + DENSITY_SHIFT);
}
