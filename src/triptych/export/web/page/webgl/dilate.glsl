// The occupied cells and the 26 neighbours of each.
precision highp float;
precision highp int;
precision highp usampler2DArray;

uniform usampler2DArray occupancy;
out uint bits;

void main() {
    ivec2 here = ivec2(gl_FragCoord.xy);
    uint rows = 0u;
    for (int z = max(here.y - 1, 0); z <= min(here.y + 1, SIDE - 1); z++) {
        for (int y = max(here.x - 1, 0); y <= min(here.x + 1, SIDE - 1); y++) {
            rows |= texelFetch(occupancy, ivec3(y, z, 0), 0).r;
        }
    }
    bits = rows | rows << 1u | rows >> 1u;
}
