// The largest density of a row of cells along x: pixel (y, z) gets it as its first number.
out vec4 densest;

void main() {
    vec2 row = gl_FragCoord.xy / float(SIDE);
    vec4 raw[OUTPUTS];
    float most = 0.0;
    for (int x = 0; x < SIDE; x++) {
        most = max(most, query(vec3((float(x) + 0.5) / float(SIDE), row), raw));
    }
    densest = vec4(most, 0.0, 0.0, 1.0);
}
