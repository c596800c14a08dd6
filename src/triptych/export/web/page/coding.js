// Micro planes of their compact form: what triptych.bank.coding reads, to the same bits. Its comments tell what and why.

const [SITUATIONS, STAGES, BELOW] = [24, 32, 16];
const [HALF, LEAST, LARGEST, TOP] = [1 << 14, 32, (1 << 15) - 32, 1 << 24];
const SITUATION_OF = Int32Array.from({ length: 1 << 13 }, (_, size) => {
    if (size < 4) return size;
    const bits = 32 - Math.clz32(size);
    return Math.min(4 + 2 * (bits - 3) + ((size >> (bits - 2)) & 1), SITUATIONS - 1);
});
const RATES = Int32Array.from({ length: 63 }, (_, count) => Math.floor((1 << 17) / (2 * count + 3)));
const [FINE, COARSE, FINE_AGAIN, COARSE_AGAIN] = [
    -1.586134342059924, -0.052980118572961, 0.882911075530934, 0.443506852043971,
];
const SCALE = 1.149604398860241;

/**
 * Micro planes [plane, feature, row, column].
 *
 * @param bytes as a scene's file has them.
 * @param start {shape, values}: the mean scene's [plane, row, column, feature].
 */
export function decodeMicro(bytes, { shape: [planes, side, , features], values: start }) {
    const version = bytes[0];
    if (version !== 1 && version !== 2) throw new Error(`micro planes of version ${version}, expected 1 or 2`);
    const found = new Float32Array(start.length);
    if (!features) return found;
    const levels = levelsOf(side);
    const basis = new Int8Array(bytes.buffer, bytes.byteOffset + 1, features * features);
    const numbersAt = 1 + basis.length + (levels + 1) * features;
    const steps = Float64Array.from(bytes.subarray(1 + basis.length, numbersAt), stepSize);
    const scene = { planes, side, features, levels, basis, steps, start };
    const reader = new Reader(bytes, numbersAt, levels + 1);
    return version === 1 ? firstVersion(reader, scene, found) : currentVersion(reader, scene, found);
}

function stepSize(code) {
    return ((8 + (code & 7)) * ((1 << (code >> 3)) >>> 0)) / (1 << 23);
}

/** Coefficients of features, made of those of components; their wavelet undone; all of that in single precision. */
function currentVersion(reader, { planes, side, features, levels, basis, steps, start }, found) {
    const texels = side * side;
    for (const [top, left, size, level] of bandsOf(side, levels)) {
        for (let plane = 0; plane < planes; plane++) {
            for (let component = 0; component < features; component++) {
                const step = steps[level * features + component];
                reader.band(size, level, (row, column, number) => {
                    const amount = Math.fround(number * step);
                    let to = plane * features * texels + (top + row) * side + left + column;
                    for (let at = component; at < basis.length; at += features, to += texels) {
                        found[to] += Math.fround((amount * basis[at]) / 128);
                    }
                });
            }
        }
    }
    for (let plane = 0; plane < planes * features; plane++) {
        invert(found.subarray(plane * texels, (plane + 1) * texels), side, levels);
    }
    for (let plane = 0; plane < planes; plane++) {
        for (let feature = 0; feature < features; feature++) {
            const to = (plane * features + feature) * texels;
            for (let texel = 0; texel < texels; texel++) {
                found[to + texel] += start[(plane * texels + texel) * features + feature];
            }
        }
    }
    return found;
}

/** The wavelet of components undone, and features made of them; all of that in double precision. */
function firstVersion(reader, { planes, side, features, levels, basis, steps, start }, found) {
    const components = new Float64Array(start.length);
    const texels = side * side;
    for (const [top, left, size, level] of bandsOf(side, levels)) {
        for (let plane = 0; plane < planes * features; plane++) {
            const step = steps[level * features + (plane % features)];
            reader.band(size, level, (row, column, number) => {
                components[plane * texels + (top + row) * side + left + column] = number * step;
            });
        }
    }
    for (let plane = 0; plane < planes * features; plane++) {
        invert(components.subarray(plane * texels, (plane + 1) * texels), side, levels);
    }
    for (let plane = 0; plane < planes; plane++) {
        for (let feature = 0; feature < features; feature++) {
            const to = (plane * features + feature) * texels;
            for (let texel = 0; texel < texels; texel++) {
                let sum = 0;
                for (let component = 0; component < features; component++) {
                    const weight = basis[feature * features + component] / 128;
                    sum += weight * components[(plane * features + component) * texels + texel];
                }
                found[to + texel] = start[(plane * texels + texel) * features + feature] + sum;
            }
        }
    }
    return found;
}

function levelsOf(side) {
    let levels = 0;
    while (levels < 4 && side % 2 ** (levels + 1) === 0) levels++;
    return levels;
}

/** First row and column, side, and level of each band. */
function* bandsOf(side, levels) {
    yield [0, 0, side >> levels, 0];
    for (let level = 1; level <= levels; level++) {
        const half = side >> (levels - level + 1);
        yield [half, 0, half, level];
        yield [0, half, half, level];
        yield [half, half, half, level];
    }
}

/** The range decoder of triptych.bank.coding.symbols. */
class Reader {
    constructor(bytes, place, classes) {
        Object.assign(this, { bytes, place, span: 0xffffffff, code: 0 });
        for (let byte = 0; byte < 4; byte++) this.code = this.code * 256 + this.next();
        this.chances = new Int32Array(classes * (SITUATIONS * STAGES + 1)).fill(HALF);
        this.counts = new Int32Array(this.chances.length);
    }

    next() {
        return this.place < this.bytes.length ? this.bytes[this.place++] : 0;
    }

    bit(chance) {
        const bound = (this.span >>> 15) * chance;
        const bit = this.code < bound ? 1 : 0;
        if (bit) {
            this.span = bound;
        } else {
            this.code -= bound;
            this.span -= bound;
        }
        while (this.span < TOP) {
            this.span *= 256;
            this.code = this.code * 256 + this.next();
        }
        return bit;
    }

    predicted(which) {
        const chance = this.chances[which];
        const bit = this.bit(Math.min(Math.max(chance, LEAST), LARGEST));
        this.chances[which] = chance + ((((bit << 15) - chance) * RATES[this.counts[which]]) >> 16);
        this.counts[which] = Math.min(this.counts[which] + 1, RATES.length - 1);
        return bit;
    }

    number(first) {
        let bits = 0;
        while (bits < 24 && this.predicted(first + Math.min(bits, BELOW - 1))) bits++;
        if (!bits) return 0;
        const negative = this.bit(HALF);
        let found = 1;
        for (let place = bits - 2; place >= 0; place--) {
            const predicted = place === bits - 2;
            const bit = predicted ? this.predicted(first + BELOW + Math.min(bits, BELOW - 1)) : this.bit(HALF);
            found = (found << 1) | bit;
        }
        return negative ? -found : found;
    }

    /** One band of one plane: tells row, column and number of all that are not 0. */
    band(side, level, tell) {
        if (!this.predicted(this.chances.length - 1 - level)) return;
        let above = new Int32Array(side + 2);
        let here = new Int32Array(side + 2);
        for (let row = 0; row < side; row++) {
            for (let column = 0; column < side; column++) {
                const size = 2 * (here[column] + above[column + 1]) + above[column] + above[column + 2];
                const situation = SITUATION_OF[Math.min(size, SITUATION_OF.length - 1)];
                const number = this.number((level * SITUATIONS + situation) * STAGES);
                here[column + 1] = Math.abs(number);
                if (number) tell(row, column, number);
            }
            [above, here] = [here, above];
        }
    }
}

/** A plane of its wavelet coefficients, in place and in its precision. */
function invert(plane, side, levels) {
    const coarse = new plane.constructor(side);
    const fine = new plane.constructor(side);
    for (let level = levels - 1; level >= 0; level--) {
        const size = side >> level;
        for (let column = 0; column < size; column++) join(plane, column, side, size >> 1, coarse, fine);
        for (let row = 0; row < size; row++) join(plane, row * side, 1, size >> 1, coarse, fine);
    }
}

/** A line, whose values are `pitch` apart, of its coarse half and its fine one. */
function join(plane, at, pitch, half, coarse, fine) {
    const round = plane instanceof Float32Array ? Math.fround : (value) => value;
    const scale = round(SCALE);
    for (let place = 0; place < half; place++) {
        coarse[place] = plane[at + place * pitch] / scale;
        fine[place] = plane[at + (half + place) * pitch] * scale;
    }
    const last = half - 1;
    for (const weights of [[COARSE_AGAIN, FINE_AGAIN], [COARSE, FINE]]) {
        const [ofCoarse, ofFine] = weights.map(round);
        for (let place = 0; place < half; place++) {
            coarse[place] -= round(ofCoarse * round(fine[place] + fine[Math.max(place - 1, 0)]));
        }
        for (let place = 0; place < half; place++) {
            fine[place] -= round(ofFine * round(coarse[place] + coarse[Math.min(place + 1, last)]));
        }
    }
    for (let place = 0; place < half; place++) {
        plane[at + 2 * place * pitch] = coarse[place];
        plane[at + (2 * place + 1) * pitch] = fine[place];
    }
}
