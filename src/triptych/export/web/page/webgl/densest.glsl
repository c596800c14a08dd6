// The largest density of a row of cells along x: pixel (y, z) gets it as its first number.
precision highp float;
precision highp int;
precision highp sampler2DArray;

// Of each cell, see densities.glsl.
uniform sampler2DArray densities;
out vec4 densest;

void main() {
    ivec2 row = ivec2(gl_FragCoord.xy);
    float most = 0.0;
    for (int x = 0; x < SIDE; x++) {
        most = max(most, texelFetch(densities, ivec3(SIDE * row.x + x, row.y, 0), 0).r);
    }
    densest = vec4(most, 0.0, 0.0, 1.0);
}
