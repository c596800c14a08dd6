// The largest density of a row of cells along x in each part of z, see densities.wgsl: pixel (y, part of z) gets it as its
// first number.
@group(0) @binding(1) var<storage> densities: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) row: vec3u) {
    if (any(row.xy >= extent.xy)) {
        return;
    }
    var most = 0.0;
    for (var x = 0u; x < SIDE; x++) {
        let parts = densities[(row.y * SIDE + row.x) * SIDE + x];
        most = max(most, max(max(parts.x, parts.y), max(parts.z, parts.w)));
    }
    result[row.y * SIDE + row.x] = vec4f(most, 0.0, 0.0, 1.0);
}
