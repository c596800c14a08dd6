// The density in the middle of each part of a cell, PLACES along each axis (triptych.representation.occupancy): pixel
// (SIDE y + x, PLACES z + part of z) gets the four that lie beside each other along x, then y.
@group(0) @binding(3) var<storage, read_write> result: array<vec4f>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) here: vec3u) {
    if (any(here.xy >= extent.xy)) {
        return;
    }
    let cell = vec2u(here.x % SIDE, here.x / SIDE);
    var raw: array<vec4f, OUTPUTS>;
    var densities = vec4f();
    for (var part = 0u; part < PLACES * PLACES; part++) {
        let place = vec3u(PLACES * cell + vec2u(part % PLACES, part / PLACES), here.y);
        densities[part] = query((vec3f(place) + 0.5) / f32(PLACES * SIDE), &raw);
    }
    result[here.y * extent.x + here.x] = densities;
}
