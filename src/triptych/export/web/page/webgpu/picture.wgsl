// The picture: pixels from the channels of blocks (torch.nn.PixelShuffle), of one source or the sum of two.
@group(0) @binding(1) var<storage> source: array<vec4f>;
@group(0) @binding(2) var<storage> added: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> result: array<u32>;

// Where a channel of a pixel is: among the fours, and within its four.
fn shuffled(here: vec2u, side: u32, channel: u32) -> vec2u {
    let block = here / side;
    let blocks = extent.xy / side;
    let inside = here % side;
    let source_channel = (channel * side + inside.y) * side + inside.x;
    return vec2u((source_channel / 4 * blocks.y + block.y) * blocks.x + block.x, source_channel % 4);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) here: vec3u) {
    if (any(here.xy >= extent.xy)) {
        return;
    }
    var pixel = vec4f(0.0, 0.0, 0.0, 1.0);
    for (var channel = 0u; channel < 3; channel++) {
        let at = shuffled(here.xy, BLOCK, channel);
        pixel[channel] = source[at.x][at.y];
        if (ADDED_BLOCK > 0) {
            let other = shuffled(here.xy, max(ADDED_BLOCK, 1), channel);
            pixel[channel] += added[other.x][other.y];
        }
    }
    result[here.y * extent.x + here.x] = pack4x8unorm(pixel);
}
