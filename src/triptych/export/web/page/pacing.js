// How coarse pictures must be to follow a hand: ten a second, with what the browser does between them.

const MOST_MILLISECONDS = 80;
/** Each scale is by so much smaller than the one before: its pictures take half as long. */
const STEP = Math.SQRT1_2;
const COARSEST = 0.25;
const FEWEST_PIXELS = 32;
/** Of the first picture, where the processor computes it. */
const FIRST_PIXELS = 64;

/** The scale of pictures while something moves, from how long the last ones took. */
export class Pace {
    /**
     * @param latent {height, width, any_size}: of the latents, and whether the decoder takes coarser ones
     * @param isSoftware whether the processor computes shaders
     */
    constructor({ height, width, any_size }, isSoftware) {
        const side = Math.min(height, width);
        this.most = any_size ? stepsTo(Math.min(COARSEST, FEWEST_PIXELS / side)) : 0;
        this.step = isSoftware ? Math.min(Math.max(stepsTo(FIRST_PIXELS / side), 0), this.most) : 0;
        this.isSlow = false;
    }

    get scale() {
        return STEP ** this.step;
    }

    /** A picture at this scale has taken so long. */
    took(milliseconds) {
        const steps = Math.log2(milliseconds / MOST_MILLISECONDS);
        // A little too long may be chance, once.
        if (steps >= 1 || (steps > 0 && this.isSlow)) {
            this.step = Math.min(this.step + Math.max(1, Math.round(steps)), this.most);
        } else if (steps < -1.1) this.step = Math.max(this.step - 1, 0);
        this.isSlow = steps > 0;
    }
}

function stepsTo(scale) {
    return Math.round(Math.log(scale) / Math.log(STEP));
}
