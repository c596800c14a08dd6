// The density in the middle of each part of a cell, PLACES along each axis (triptych.representation.occupancy): pixel
// (SIDE y + x, PLACES z + part of z) gets the four that lie beside each other along x, then y.
out vec4 densities;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    ivec2 cell = ivec2(here.x % SIDE, here.x / SIDE);
    vec4 raw[OUTPUTS];
    vec4 found;
    for (int part = 0; part < PLACES * PLACES; part++) {
        ivec3 place = ivec3(PLACES * cell + ivec2(part % PLACES, part / PLACES), here.y);
        found[part] = query((vec3(place) + 0.5) / float(PLACES * SIDE), raw);
    }
    densities = found;
}
