// Four layers of a convolution's results, at one pixel a fragment; what lies outside of the image is zero. Weights are in
// the order of triptych.export.web.layers.
precision highp float;
precision highp int;
precision highp sampler2DArray;

// Layer g holds channels 4 g to 4 g + 3.
uniform sampler2DArray source;
uniform sampler2DArray added;
// Width and height, and the first of the four layers.
uniform ivec3 extent;
layout(std140) uniform weights { mat4 rows[ROWS / 4]; };

layout(location = 0) out vec4 result_0;
layout(location = 1) out vec4 result_1;
layout(location = 2) out vec4 result_2;
layout(location = 3) out vec4 result_3;

const float MARGIN = 1e-6;

vec4 value(ivec2 place, int layer) {
    vec4 four = texelFetch(source, ivec3(place, layer), 0);
#if TANH
    four = atanh(2.0 * clamp(four, MARGIN, 1.0 - MARGIN) - 1.0);
#endif
    return four;
}

vec4 finished(vec4 sum, ivec2 here, int layer) {
#if ADDED
    sum += texelFetch(added, ivec3(here, layer), 0);
#endif
#if RELU
    sum = max(sum, 0.0);
#endif
    return sum;
}

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    int first = extent.z;
    vec4 sum_0 = rows[0][0];
    vec4 sum_1 = rows[0][1];
    vec4 sum_2 = rows[0][2];
    vec4 sum_3 = rows[0][3];
    int row = 1;
    for (int y = -REACH; y <= REACH; y++) {
        for (int x = -REACH; x <= REACH; x++) {
            ivec2 place = here + ivec2(x, y);
            bool outside = any(lessThan(place, ivec2(0))) || any(greaterThanEqual(place, extent.xy));
#if DEPTHWISE
            if (!outside) {
                sum_0 += rows[row][0] * value(place, first);
                sum_1 += rows[row][1] * value(place, first + 1);
                sum_2 += rows[row][2] * value(place, first + 2);
                sum_3 += rows[row][3] * value(place, first + 3);
            }
            row++;
#else
            for (int layer = 0; layer < LAYERS; layer++, row += 4) {
                vec4 four = outside ? vec4(0.0) : value(place, layer);
                sum_0 += rows[row] * four;
                sum_1 += rows[row + 1] * four;
                sum_2 += rows[row + 2] * four;
                sum_3 += rows[row + 3] * four;
            }
#endif
        }
    }
    result_0 = finished(sum_0, here, first);
    result_1 = finished(sum_1, here, first + 1);
    result_2 = finished(sum_2, here, first + 2);
    result_3 = finished(sum_3, here, first + 3);
}
