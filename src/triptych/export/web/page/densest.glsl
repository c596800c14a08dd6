// The largest density of a row of cells along x: pixel (y, z) gets it as its first number.
precision highp float;
precision highp int;
precision highp sampler2D;

// Of each cell, see densities.glsl.
uniform sampler2D densities;
out vec4 densest;

void main() {
    ivec2 row = ivec2(gl_FragCoord.xy);
    float most = 0.0;
    for (int x = 0; x < SIDE; x++) {
        most = max(most, texelFetch(densities, ivec2(SIDE * row.x + x, row.y), 0).r);
    }
    densest = vec4(most, 0.0, 0.0, 1.0);
}
