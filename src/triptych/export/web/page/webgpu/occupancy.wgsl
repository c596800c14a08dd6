// Which cells of the box may hold matter (triptych.representation.occupancy): pixel (y, z) gets the bits of a row of
// cells along x.

// The largest density of each cell, see densities.wgsl, and of each row of them.
@group(0) @binding(1) var<storage> densities: array<vec4f>;
@group(0) @binding(2) var<storage> densest: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) row: vec3u) {
    if (any(row.xy >= extent.xy)) {
        return;
    }
    var most = 0.0;
    for (var i = 0u; i < SIDE * SIDE; i++) {
        most = max(most, densest[i].x);
    }
    let least = min(EMPTY_OPTICAL_DEPTH / length(BOX), EMPTY_SHARE * most);
    var bits = 0u;
    for (var x = 0u; x < SIDE; x++) {
        let density = densities[(row.y * SIDE + row.x) * SIDE + x].x;
        if (!(density <= least)) {
            bits |= 1u << x;
        }
    }
    result[row.y * SIDE + row.x] = bits;
}
