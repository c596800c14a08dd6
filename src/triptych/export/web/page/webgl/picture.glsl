// The picture: pixels from the channels of blocks (torch.nn.PixelShuffle), of one source or the sum of two.
precision highp float;
precision highp int;
precision highp sampler2DArray;

uniform sampler2DArray source;
uniform sampler2DArray added;
out vec4 pixel;

float shuffled(sampler2DArray blocks, int side, int channel) {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec2 inside = here % side;
    int source_channel = (channel * side + inside.y) * side + inside.x;
    return texelFetch(blocks, ivec3(here / side, source_channel / 4), 0)[source_channel % 4];
}

void main() {
    vec4 sum = vec4(0.0, 0.0, 0.0, 1.0);
    for (int channel = 0; channel < 3; channel++) {
        sum[channel] = shuffled(source, BLOCK, channel);
#if ADDED_BLOCK
        sum[channel] += shuffled(added, ADDED_BLOCK, channel);
#endif
    }
    pixel = sum;
}
