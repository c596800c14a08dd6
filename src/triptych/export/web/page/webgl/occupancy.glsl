// Which cells of the box may hold matter (triptych.representation.occupancy): pixel (y, z) gets the bits of a row of
// cells along x.
precision highp float;
precision highp int;
precision highp sampler2DArray;

// The largest density of each cell, see densities.glsl, and of each row of them.
uniform sampler2DArray densities;
uniform sampler2DArray densest;
out uint bits;

void main() {
    float most = 0.0;
    for (int z = 0; z < SIDE; z++) {
        for (int y = 0; y < SIDE; y++) {
            most = max(most, texelFetch(densest, ivec3(y, z, 0), 0).r);
        }
    }
    float least = min(EMPTY_OPTICAL_DEPTH / length(BOX), EMPTY_SHARE * most);
    ivec2 row = ivec2(gl_FragCoord.xy);
    bits = 0u;
    for (int x = 0; x < SIDE; x++) {
        float density = texelFetch(densities, ivec3(SIDE * row.x + x, row.y, 0), 0).r;
        if (!(density <= least)) {
            bits |= 1u << uint(x);
        }
    }
}
