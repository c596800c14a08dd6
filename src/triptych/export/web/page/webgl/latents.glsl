// A latent image by volume rendering (triptych.representation.kernels.reference), one pixel a fragment, first row first.
uniform usampler2DArray occupancy;
// The latent of a white image, four channels a layer.
uniform sampler2DArray background;
layout(std140) uniform camera {
    vec4 to_world[3];  // rows, OpenCV axes
    vec4 intrinsics;  // fx, fy, cx, cy in latent pixels
    float rays;  // along each side of a latent pixel, averaged
};
// Width and height of the picture, which may be coarser than the background's.
uniform ivec3 extent;

layout(location = 0) out vec4 latents_0;
#if LAYERS > 1
layout(location = 1) out vec4 latents_1;
#endif
#if LAYERS > 2
layout(location = 2) out vec4 latents_2;
#endif
#if LAYERS > 3
layout(location = 3) out vec4 latents_3;
#endif

const float OPAQUE = 13.8;
const float EVEN_SHARE = 0.01;
const float TINY = 1e-19;

// The part of a ray inside the box, cut into COARSE intervals of one length.
struct Ray {
    vec3 start;
    vec3 slope;
    float near;
    float far;
    float interval;
};

Ray ray_through(vec2 pixel) {
    vec3 forward = vec3((pixel - intrinsics.zw) / intrinsics.xy, 1.0);
    vec3 origin = vec3(to_world[0].w, to_world[1].w, to_world[2].w);
    vec3 direction = normalize(forward * mat3(to_world[0].xyz, to_world[1].xyz, to_world[2].xyz));
    direction = mix(direction, vec3(TINY), lessThan(abs(direction), vec3(TINY)));
    vec3 start = (origin - LOWER) / BOX;
    vec3 slope = direction / BOX;
    vec3 at_lower = -start / slope;
    vec3 at_upper = (1.0 - start) / slope;
    vec3 first = min(at_lower, at_upper);
    vec3 last = max(at_lower, at_upper);
    float near = max(max(max(first.x, first.y), first.z), 0.0);
    float far = min(min(last.x, last.y), last.z);
    return Ray(start, slope, near, far, (far - near) / float(COARSE));
}

bool occupied(vec3 place) {
    ivec3 cell = ivec3(clamp(place * float(SIDE), 0.0, float(SIDE - 1)));
    return ((texelFetch(occupancy, ivec3(cell.yz, 0), 0).r >> uint(cell.x)) & 1u) != 0u;
}

#if IMPORTANCE
// Further edges of a ray, at even quantiles of the weights of its coarse intervals.
float weights[COARSE];
float weight_sum;
int interval;
float below;
float above;

void weigh(Ray ray) {
    vec4 raw[OUTPUTS];
    float optical_depth = 0.0;
    weight_sum = 0.0;
    for (int i = 0; i < COARSE; i++) {
        vec3 place = ray.start + (ray.near + ray.interval * (float(i) + 0.5)) * ray.slope;
        float own = 0.0;
        for (bool asked = occupied(place); asked; asked = false) {  // a loop, as below
            own = query(place, raw) * ray.interval;
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
float further_edge(Ray ray, int k) {
    if (k >= IMPORTANCE) {
        return ray.far + 1.0;
    }
    float quantile = (float(k) + 0.5) / float(IMPORTANCE);
    while (interval < 0 || (above <= quantile && interval < COARSE - 1)) {
        interval++;
        float even = 1.0 / float(COARSE);
        float by_weight = weight_sum > 1e-8 ? weights[interval] / weight_sum : even;
        below = above;
        above += mix(by_weight, even, EVEN_SHARE);
    }
    float fraction = above > below ? clamp((quantile - below) / (above - below), 0.0, 1.0) : 0.0;
    return ray.near + ray.interval * (float(interval) + fraction);
}
#endif

// A part of a ray between two of its edges, and how many edges are passed: all, coarse ones, further ones.
struct Part {
    float begin;
    float end;
    int passed;
    int coarse;
    int further;
    float further_edge;
};

Part before_first(Ray ray) {
    Part part = Part(ray.near, ray.near, 0, 0, 0, 0.0);
#if IMPORTANCE
    weigh(ray);
    part.further_edge = further_edge(ray, 0);
#endif
    return part;
}

vec3 middle(Ray ray, Part part) {
    return ray.start + 0.5 * (part.begin + part.end) * ray.slope;
}

// Go on to the next part in an occupied cell; whether there is one.
bool advance(Ray ray, inout Part part) {
    bool found = false;
    while (!found && part.passed < COARSE + IMPORTANCE) {
        part.begin = part.end;
        part.end = ray.near + ray.interval * float(part.coarse + 1);
#if IMPORTANCE
        if (part.further_edge < part.end) {
            part.end = part.further_edge;
            part.further_edge = further_edge(ray, ++part.further);
        } else {
            part.coarse++;
        }
#else
        part.coarse++;
#endif
        part.passed++;
        found = occupied(middle(ray, part));
    }
    return found;
}

// Adds what a ray gathers to sum; how much of its light the scene stops. Where the processor computes WebGL, an if skips
// nothing, but the end of a loop does: so empty cells are passed in a loop of their own.
float integrate(Ray ray, inout vec4 sum[OUTPUTS]) {
    vec4 raw[OUTPUTS];
    float optical_depth = 0.0;
    Part part = before_first(ray);
    bool found = advance(ray, part);
    while (found && optical_depth < OPAQUE) {
        float own = query(middle(ray, part), raw) * (part.end - part.begin);
        float weight = exp(-optical_depth) * (1.0 - exp(-own));
        optical_depth += own;
        for (int o = 0; o < OUTPUTS; o++) {
            sum[o] += weight * channel_activation(raw[o]);
        }
        found = advance(ray, part);
    }
    return 1.0 - exp(-optical_depth);
}

vec4 over_background(vec4 sum, float opacity, int layer) {
    vec4 behind = texelFetch(background, ivec3(gl_FragCoord.xy * vec2(WIDTH, HEIGHT) / vec2(extent.xy), layer), 0);
    return sum / (rays * rays) + (1.0 - opacity) * behind;
}

void main() {
    vec4 sum[OUTPUTS];
    for (int o = 0; o < OUTPUTS; o++) {
        sum[o] = vec4(0.0);
    }
    float opacity = 0.0;
    int side = int(rays);
    for (int i = 0; i < side * side; i++) {
        vec2 inside = (vec2(i % side, i / side) + 0.5) / rays;
        Ray ray = ray_through(floor(gl_FragCoord.xy) + inside);
        if (ray.far > ray.near) {
            opacity += integrate(ray, sum);
        }
    }
    opacity /= rays * rays;
    latents_0 = over_background(sum[0], opacity, 0);
#if LAYERS > 1
    latents_1 = over_background(sum[1], opacity, 1);
#endif
#if LAYERS > 2
    latents_2 = over_background(sum[2], opacity, 2);
#endif
#if LAYERS > 3
    latents_3 = over_background(sum[3], opacity, 3);
#endif
}
