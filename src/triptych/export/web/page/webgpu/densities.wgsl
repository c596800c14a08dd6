// The largest density of each cell, looked up in the middle of each part of it (triptych.representation.occupancy): pixel
// (SIDE y + x, z) gets it as its first number.
@group(0) @binding(3) var<storage, read_write> result: array<vec4f>;

fn is_not_a_number(x: f32) -> bool {
    return (bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u;  // compilers may take x != x for false
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) here: vec3u) {
    if (any(here.xy >= extent.xy)) {
        return;
    }
    let cell = vec3u(here.x % SIDE, here.x / SIDE, here.y);
    var raw: array<vec4f, OUTPUTS>;
    var most = 0.0;
    for (var part = 0u; part < PLACES * PLACES * PLACES; part++) {
        let inside = vec3u(part % PLACES, part / PLACES % PLACES, part / (PLACES * PLACES));
        let density = query((vec3f(PLACES * cell + inside) + 0.5) / f32(PLACES * SIDE), &raw);
        if (is_not_a_number(density) || density > most) {  // not a number is not empty
            most = density;
        }
    }
    result[here.y * extent.x + here.x] = vec4f(most, 0.0, 0.0, 1.0);
}
