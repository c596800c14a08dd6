// Pixels from the channels of blocks (torch.nn.PixelShuffle): four layers of features.
precision highp float;
precision highp int;
precision highp sampler2DArray;

uniform sampler2DArray source;
// Width and height of the target, and the first of the four layers.
uniform ivec3 extent;

layout(location = 0) out vec4 result_0;
layout(location = 1) out vec4 result_1;
layout(location = 2) out vec4 result_2;
layout(location = 3) out vec4 result_3;

vec4 shuffled(int layer) {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec2 inside = here % BLOCK;
    vec4 four = vec4(0.0);
    for (int channel = 4 * layer; channel < min(4 * layer + 4, CHANNELS); channel++) {
        int source_channel = (channel * BLOCK + inside.y) * BLOCK + inside.x;
        four[channel % 4] = texelFetch(source, ivec3(here / BLOCK, source_channel / 4), 0)[source_channel % 4];
    }
    return four;
}

void main() {
    result_0 = shuffled(extent.z);
    result_1 = shuffled(extent.z + 1);
    result_2 = shuffled(extent.z + 2);
    result_3 = shuffled(extent.z + 3);
}
