// The occupied cells and the 26 neighbours of each.
@group(0) @binding(1) var<storage> occupancy: array<u32>;
@group(0) @binding(2) var<storage, read_write> result: array<u32>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) here: vec3u) {
    if (any(here.xy >= extent.xy)) {
        return;
    }
    var rows = 0u;
    for (var z = max(here.y, 1) - 1; z <= min(here.y + 1, SIDE - 1); z++) {
        for (var y = max(here.x, 1) - 1; y <= min(here.x + 1, SIDE - 1); y++) {
            rows |= occupancy[z * SIDE + y];
        }
    }
    result[here.y * SIDE + here.x] = rows | (rows << 1) | (rows >> 1);
}
