// Four layers of a convolution's results, at one pixel an invocation; what lies outside of the image is zero. Weights are
// in the order of triptych.export.web.layers.

// Layer g holds channels 4 g to 4 g + 3.
@group(0) @binding(1) var<storage> source: array<vec4f>;
@group(0) @binding(2) var<storage> added: array<vec4f>;
@group(0) @binding(3) var<storage> weights: array<mat4x4f>;
@group(0) @binding(4) var<storage, read_write> result: array<vec4f>;

const MARGIN = vec4(1e-6);

fn index(place: vec2i, layer: i32) -> i32 {
    return (layer * i32(extent.y) + place.y) * i32(extent.x) + place.x;
}

fn value(place: vec2i, layer: i32) -> vec4f {
    let four = source[index(place, layer)];
    if (TANH) {
        return atanh(2.0 * clamp(four, MARGIN, 1.0 - MARGIN) - 1.0);
    }
    return four;
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    if (any(id.xy >= extent.xy)) {
        return;
    }
    let here = vec2i(id.xy);
    let first = 4 * i32(id.z);
    var row = i32(id.z) * (ROWS / 4);
    var sum = weights[row];
    row++;
    for (var y = -REACH; y <= REACH; y++) {
        for (var x = -REACH; x <= REACH; x++) {
            let place = here + vec2(x, y);
            let inside = all(place >= vec2(0)) && all(place < vec2i(extent.xy));
            if (DEPTHWISE) {
                if (inside) {
                    for (var part = 0; part < 4; part++) {
                        sum[part] += weights[row][part] * value(place, first + part);
                    }
                }
                row++;
            } else {
                for (var layer = 0; inside && layer < LAYERS; layer++) {
                    let four = value(place, layer);
                    for (var part = 0; part < 4; part++) {
                        sum[part] += weights[row + 4 * layer + part] * four;
                    }
                }
                row += 4 * LAYERS;
            }
        }
    }
    for (var part = 0; part < 4; part++) {
        let to = index(here, first + part);
        if (ADDED) {
            sum[part] += added[to];
        }
        result[to] = sum[part];
        if (RELU) {
            result[to] = max(sum[part], vec4(0.0));
        }
    }
}
