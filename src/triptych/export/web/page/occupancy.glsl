// Which cells of the box may hold matter (triptych.representation.occupancy): pixel (y, z) gets the bits of a row of
// cells along x.
uniform float empty_optical_depth;
uniform float empty_share;
// The largest density of each row of cells.
uniform sampler2D densest;
out uint bits;

void main() {
    float most = 0.0;
    for (int z = 0; z < SIDE; z++) {
        for (int y = 0; y < SIDE; y++) {
            most = max(most, texelFetch(densest, ivec2(y, z), 0).r);
        }
    }
    float least = min(empty_optical_depth / length(size), empty_share * most);
    vec2 row = gl_FragCoord.xy / float(SIDE);
    vec4 raw[OUTPUTS];
    bits = 0u;
    for (int x = 0; x < SIDE; x++) {
        float density = query(vec3((float(x) + 0.5) / float(SIDE), row), raw);
        if (!(density <= least)) {
            bits |= 1u << uint(x);
        }
    }
}
