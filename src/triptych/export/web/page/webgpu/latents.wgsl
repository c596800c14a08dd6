// A latent image by volume rendering (triptych.representation.kernels.reference), one pixel an invocation.
@group(0) @binding(3) var<storage> occupancy: array<u32>;
// The latent of a white image, four channels a layer.
@group(0) @binding(4) var<storage> background: array<vec4f>;
@group(0) @binding(5) var<uniform> camera: Camera;
@group(0) @binding(6) var<storage, read_write> result: array<vec4f>;

struct Camera {
    to_world: array<vec4f, 3>,  // rows, OpenCV axes
    intrinsics: vec4f,  // fx, fy, cx, cy in latent pixels
    rays: f32,  // along each side of a latent pixel, averaged
}

const OPAQUE = 13.8;
const EVEN_SHARE = 0.01;
const TINY = vec3(1e-19);

// The part of a ray inside the box, cut into COARSE intervals of one length.
struct Ray {
    start: vec3f,
    slope: vec3f,
    near: f32,
    far: f32,
    interval: f32,
}

fn ray_through(pixel: vec2f) -> Ray {
    let forward = vec3f((pixel - camera.intrinsics.zw) / camera.intrinsics.xy, 1.0);
    let rows = camera.to_world;
    let origin = vec3f(rows[0].w, rows[1].w, rows[2].w);
    var direction = normalize(forward * mat3x3f(rows[0].xyz, rows[1].xyz, rows[2].xyz));
    direction = select(direction, TINY, abs(direction) < TINY);
    let start = (origin - LOWER) / BOX;
    let slope = direction / BOX;
    let at_lower = -start / slope;
    let at_upper = (1.0 - start) / slope;
    let first = min(at_lower, at_upper);
    let last = max(at_lower, at_upper);
    let near = max(max(max(first.x, first.y), first.z), 0.0);
    let far = min(min(last.x, last.y), last.z);
    return Ray(start, slope, near, far, (far - near) / f32(COARSE));
}

fn occupied(place: vec3f) -> bool {
    let cell = vec3u(clamp(place * f32(SIDE), vec3(0.0), vec3(f32(SIDE - 1))));
    return ((occupancy[cell.z * SIDE + cell.y] >> cell.x) & 1) != 0;
}

// Further edges of a ray, at even quantiles of the weights of its coarse intervals.
var<private> weights: array<f32, COARSE>;
var<private> weight_sum: f32;
var<private> interval: i32;
var<private> below: f32;
var<private> above: f32;

fn weigh(ray: Ray) {
    var raw: array<vec4f, OUTPUTS>;
    var optical_depth = 0.0;
    weight_sum = 0.0;
    for (var i = 0; i < COARSE; i++) {
        let place = ray.start + (ray.near + ray.interval * (f32(i) + 0.5)) * ray.slope;
        var own = 0.0;
        for (var asked = occupied(place); asked; asked = false) {  // a loop, as below
            own = query(place, &raw) * ray.interval;
        }
        weights[i] = exp(-optical_depth) * (1.0 - exp(-own));
        optical_depth += own;
        weight_sum += weights[i];
    }
    interval = -1;
    below = 0.0;
    above = 0.0;
}

// Must be asked for k = 0, 1, 2 ... in this order.
fn further_edge(ray: Ray, k: i32) -> f32 {
    if (k >= IMPORTANCE) {
        return ray.far + 1.0;
    }
    let quantile = (f32(k) + 0.5) / f32(IMPORTANCE);
    while (interval < 0 || (above <= quantile && interval < COARSE - 1)) {
        interval++;
        let even = 1.0 / f32(COARSE);
        var by_weight = even;
        if (weight_sum > 1e-8) {
            by_weight = weights[interval] / weight_sum;
        }
        below = above;
        above += mix(by_weight, even, EVEN_SHARE);
    }
    var fraction = 0.0;
    if (above > below) {
        fraction = clamp((quantile - below) / (above - below), 0.0, 1.0);
    }
    return ray.near + ray.interval * (f32(interval) + fraction);
}

// A part of a ray between two of its edges, and how many edges are passed: all, coarse ones, further ones.
struct Part {
    begin: f32,
    end: f32,
    passed: i32,
    coarse: i32,
    further: i32,
    further_edge: f32,
}

fn before_first(ray: Ray) -> Part {
    var part = Part(ray.near, ray.near, 0, 0, 0, 0.0);
    if (IMPORTANCE > 0) {
        weigh(ray);
        part.further_edge = further_edge(ray, 0);
    }
    return part;
}

fn middle(ray: Ray, part: Part) -> vec3f {
    return ray.start + 0.5 * (part.begin + part.end) * ray.slope;
}

// Go on to the next part in an occupied cell; whether there is one.
fn advance(ray: Ray, part: ptr<function, Part>) -> bool {
    var found = false;
    while (!found && (*part).passed < COARSE + IMPORTANCE) {
        (*part).begin = (*part).end;
        (*part).end = ray.near + ray.interval * f32((*part).coarse + 1);
        if (IMPORTANCE > 0 && (*part).further_edge < (*part).end) {
            (*part).end = (*part).further_edge;
            (*part).further++;
            (*part).further_edge = further_edge(ray, (*part).further);
        } else {
            (*part).coarse++;
        }
        (*part).passed++;
        found = occupied(middle(ray, *part));
    }
    return found;
}

// Adds what a ray gathers to sum; how much of its light the scene stops. Empty cells are passed in a loop of their own, as
// in webgl/latents.glsl.
fn integrate(ray: Ray, sum: ptr<function, array<vec4f, OUTPUTS>>) -> f32 {
    var raw: array<vec4f, OUTPUTS>;
    var optical_depth = 0.0;
    var part = before_first(ray);
    var found = advance(ray, &part);
    while (found && optical_depth < OPAQUE) {
        let own = query(middle(ray, part), &raw) * (part.end - part.begin);
        let weight = exp(-optical_depth) * (1.0 - exp(-own));
        optical_depth += own;
        for (var o = 0; o < OUTPUTS; o++) {
            (*sum)[o] += weight * channel_activation(raw[o]);
        }
        found = advance(ray, &part);
    }
    return 1.0 - exp(-optical_depth);
}

@compute @workgroup_size(8, 8)
fn main(@builtin(global_invocation_id) id: vec3u) {
    let here = vec2u(id.x, id.y + extent.z);
    if (any(here >= extent.xy)) {
        return;
    }
    var sum: array<vec4f, OUTPUTS>;
    var opacity = 0.0;
    let side = i32(camera.rays);
    for (var i = 0; i < side * side; i++) {
        let inside = (vec2f(vec2(i % side, i / side)) + 0.5) / camera.rays;
        let ray = ray_through(vec2f(here) + inside);
        if (ray.far > ray.near) {
            opacity += integrate(ray, &sum);
        }
    }
    let count = camera.rays * camera.rays;
    let behind = vec2u((vec2f(here) + 0.5) * vec2(WIDTH, HEIGHT) / vec2f(extent.xy));
    for (var layer = 0u; layer < LAYERS; layer++) {
        let white = background[(layer * HEIGHT + behind.y) * WIDTH + behind.x];
        result[(layer * extent.y + here.y) * extent.x + here.x] = sum[layer] / count + (1.0 - opacity / count) * white;
    }
}
