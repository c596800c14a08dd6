// Pixels from the channels of blocks (torch.nn.PixelShuffle): four layers of features.
@group(0) @binding(1) var<storage> source: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) here: vec3u) {
    if (any(here.xy >= extent.xy)) {
        return;
    }
    let inside = here.xy % BLOCK;
    let block = here.xy / BLOCK;
    let blocks = extent.xy / BLOCK;
    for (var layer = 4 * here.z; layer < 4 * here.z + 4; layer++) {
        var four: vec4f;
        for (var channel = 4 * layer; channel < min(4 * layer + 4, CHANNELS); channel++) {
            let source_channel = (channel * BLOCK + inside.y) * BLOCK + inside.x;
            let from_four = (source_channel / 4 * blocks.y + block.y) * blocks.x + block.x;
            four[channel % 4] = source[from_four][source_channel % 4];
        }
        result[(layer * extent.y + here.y) * extent.x + here.x] = four;
    }
}
