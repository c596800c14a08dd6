// How coarse pictures must be to follow a hand: ten a second.

const MOST_MILLISECONDS = 100;
/** Each scale is by so much smaller than the one before: its pictures take half as long. */
const STEP = Math.SQRT1_2;
const COARSEST = 0.25;
const FEWEST_PIXELS = 32;

/** The scale of pictures while something moves, from how long the last ones took. */
export class Pace {
    /** @param latent {height, width, any_size}: of the latents, and whether the decoder takes coarser ones */
    constructor({ height, width, any_size }) {
        const coarsest = Math.min(COARSEST, FEWEST_PIXELS / Math.min(height, width));
        this.most = any_size ? Math.round(Math.log(coarsest) / Math.log(STEP)) : 0;
        this.step = 0;
    }

    get scale() {
        return STEP ** this.step;
    }

    /** A picture at this scale has taken so long. */
    took(milliseconds) {
        const steps = Math.log2(milliseconds / MOST_MILLISECONDS);
        if (steps > 0) this.step = Math.min(this.step + Math.max(1, Math.round(steps)), this.most);
        // A little room is left, so that it does not go to and fro.
        else if (steps < -1.5) this.step = Math.max(this.step - 1, 0);
    }
}
