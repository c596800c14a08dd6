// The largest density of each cell, looked up in the middle of each part of it (triptych.representation.occupancy): pixel
// (SIDE y + x, z) gets it as its first number.
out vec4 densest;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec3 cell = ivec3(here.x % SIDE, here.x / SIDE, here.y);
    vec4 raw[OUTPUTS];
    float most = 0.0;
    for (int part = 0; part < PLACES * PLACES * PLACES; part++) {
        ivec3 inside = ivec3(part % PLACES, part / PLACES % PLACES, part / (PLACES * PLACES));
        float density = query((vec3(PLACES * cell + inside) + 0.5) / float(PLACES * SIDE), raw);
        if (isnan(density) || density > most) {  // not a number is not empty
            most = density;
        }
    }
    densest = vec4(most, 0.0, 0.0, 1.0);
}
