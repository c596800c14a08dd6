// Pixels from the channels of blocks (torch.nn.PixelShuffle): one layer of features, or the picture, which is the sum of
// what two sources have.
precision highp float;
precision highp int;
precision highp sampler2DArray;

uniform sampler2DArray source;
uniform sampler2DArray added;
// Of the target.
uniform int layer;
out vec4 result;

float shuffled(sampler2DArray blocks, int side, int channel) {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec2 inside = here % side;
    int from = (channel * side + inside.y) * side + inside.x;
    return texelFetch(blocks, ivec3(here / side, from / 4), 0)[from % 4];
}

void main() {
    vec4 four;
    for (int lane = 0; lane < 4; lane++) {
        four[lane] = shuffled(source, SIDE, 4 * layer + lane);
#if ADDED_SIDE
        four[lane] += shuffled(added, ADDED_SIDE, 4 * layer + lane);
#endif
    }
#if PICTURE
    four.a = 1.0;
#endif
    result = four;
}
