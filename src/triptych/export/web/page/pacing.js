// How coarse pictures must be to follow a hand: ten a second.

const SCALES = [1, 0.5, 0.25];
const MOST_MILLISECONDS = 100;

/** The scale of pictures while something moves, from how long the last ones took. */
export class Pace {
    /** @param coarser whether the decoder takes coarser latents */
    constructor(coarser) {
        this.coarsest = coarser ? SCALES.length - 1 : 0;
        this.step = 0;
    }

    get scale() {
        return SCALES[this.step];
    }

    /** A picture at this scale has taken so long. */
    took(milliseconds) {
        if (milliseconds > MOST_MILLISECONDS) this.step = Math.min(this.step + 1, this.coarsest);
        // The next finer one takes about four times as long.
        else if (milliseconds < MOST_MILLISECONDS / 5) this.step = Math.max(this.step - 1, 0);
    }
}
