// Which cells of the box may hold matter (triptych.representation.occupancy): pixel (y, z) gets the bits of a row of
// cells along x. A part of a cell that is not empty occupies all cells that it touches.
precision highp float;
precision highp int;
precision highp sampler2DArray;

// Of each part of a cell, see densities.glsl, and the largest of each row.
uniform sampler2DArray densities;
uniform sampler2DArray densest;
out uint bits;

void main() {
    float most = 0.0;
    for (int z = 0; z < PLACES * SIDE; z++) {
        for (int y = 0; y < SIDE; y++) {
            most = max(most, texelFetch(densest, ivec3(y, z, 0), 0).r);
        }
    }
    float least = min(EMPTY_OPTICAL_DEPTH / length(BOX), EMPTY_SHARE * most);
    ivec2 row = ivec2(gl_FragCoord.xy);
    uint low = 0u, high = 0u;  // the first and the second part of each cell along x
    for (int z = max(PLACES * row.y - 1, 0); z <= min(PLACES * row.y + PLACES, PLACES * SIDE - 1); z++) {
        for (int y = max(row.x - 1, 0); y <= min(row.x + 1, SIDE - 1); y++) {
            for (int x = 0; x < SIDE; x++) {
                vec4 parts = texelFetch(densities, ivec3(SIDE * y + x, z, 0), 0);
                bvec2 first = bvec2(!(parts.x <= least), !(parts.y <= least));
                bvec2 second = bvec2(!(parts.z <= least), !(parts.w <= least));
                // Of the rows beside this one, what touches it.
                bool before = y <= row.x, after = y >= row.x;
                low |= uint(after && first.x || before && second.x) << uint(x);
                high |= uint(after && first.y || before && second.y) << uint(x);
            }
        }
    }
    bits = low | high | high << 1u | low >> 1u;
}
