// The field: density and channels at a place of the scene box, from tri-planes and the tiny MLP
// (triptych.representation.planes and .mlp). Places are in [0, 1]^3. renderer.js puts the sizes before this file, and the
// MLP of mlp.js behind it.

// Layer plane * GROUPS + g holds features 4 g to 4 g + 3 of plane XY, XZ or YZ; columns are its first axis.
@group(0) @binding(1) var planes: texture_2d_array<f32>;
@group(0) @binding(2) var smoothly: sampler;

fn softplus(x: f32) -> f32 {
    return max(x, 0.0) + log(1.0 + exp(-abs(x)));
}

fn hidden_activation(x: f32) -> f32 {
    if (HIDDEN_SOFTPLUS) {
        return softplus(x);
    }
    return max(x, 0.0);
}

fn channel_activation(x: vec4f) -> vec4f {
    if (CHANNEL_SIGMOID) {
        return 1.0 / (1.0 + exp(-x));
    }
    return x;
}

// Four features at a place.
fn features(place: vec3f, group: i32) -> vec4f {
    return textureSampleLevel(planes, smoothly, place.xy, group, 0.0)
        + textureSampleLevel(planes, smoothly, place.xz, GROUPS + group, 0.0)
        + textureSampleLevel(planes, smoothly, place.yz, 2 * GROUPS + group, 0.0);
}

// Density per world unit from the MLP's raw one.
fn density_of(raw: f32) -> f32 {
    return DENSITY_SCALE * softplus(raw + DENSITY_SHIFT);
}
