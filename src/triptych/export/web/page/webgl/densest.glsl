// The largest density of a row of cells along x in each part of z, see densities.glsl: pixel (y, part of z) gets it as its
// first number.
precision highp float;
precision highp int;
precision highp sampler2DArray;

uniform sampler2DArray densities;
out vec4 densest;

void main() {
    ivec2 row = ivec2(gl_FragCoord.xy);
    float most = 0.0;
    for (int x = 0; x < SIDE; x++) {
        vec4 parts = texelFetch(densities, ivec3(SIDE * row.x + x, row.y, 0), 0);
        most = max(most, max(max(parts.x, parts.y), max(parts.z, parts.w)));
    }
    densest = vec4(most, 0.0, 0.0, 1.0);
}
