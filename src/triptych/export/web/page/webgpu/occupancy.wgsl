// Which cells of the box may hold matter (triptych.representation.occupancy): pixel (y, z) gets the bits of a row of
// cells along x. A part of a cell that is not empty occupies all cells that it touches.

// Of each part of a cell, see densities.wgsl, and the largest of each row.
@group(0) @binding(1) var<storage> densities: array<vec4f>;
@group(0) @binding(2) var<storage> densest: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) row: vec3u) {
    if (any(row.xy >= extent.xy)) {
        return;
    }
    var most = 0.0;
    for (var i = 0u; i < PLACES * SIDE * SIDE; i++) {
        most = max(most, densest[i].x);
    }
    let least = min(EMPTY_OPTICAL_DEPTH / length(BOX), EMPTY_SHARE * most);
    var low = 0u;  // the first and ...
    var high = 0u;  // ... the second part of each cell along x
    for (var z = max(PLACES * row.y, 1) - 1; z <= min(PLACES * row.y + PLACES, PLACES * SIDE - 1); z++) {
        for (var y = max(row.x, 1) - 1; y <= min(row.x + 1, SIDE - 1); y++) {
            for (var x = 0u; x < SIDE; x++) {
                let parts = densities[(z * SIDE + y) * SIDE + x];
                // Of the rows beside this one, what touches it.
                let first = y >= row.x;
                let second = y <= row.x;
                low |= u32((first && !(parts.x <= least)) || (second && !(parts.z <= least))) << x;
                high |= u32((first && !(parts.y <= least)) || (second && !(parts.w <= least))) << x;
            }
        }
    }
    result[row.y * SIDE + row.x] = low | high | (high << 1) | (low >> 1);
}
