// Which cells of the box may hold matter (triptych.representation.occupancy): pixel (y, z) gets the bits of a row of
// cells along x.
uniform float empty_optical_depth;
out uint bits;

void main() {
    vec2 row = gl_FragCoord.xy / float(SIDE);
    vec4 raw[OUTPUTS];
    bits = 0u;
    for (int x = 0; x < SIDE; x++) {
        float density = query(vec3((float(x) + 0.5) / float(SIDE), row), raw);
        if (!(density * length(size) <= empty_optical_depth)) {
            bits |= 1u << uint(x);
        }
    }
}
