"""Random colors behind objects while scenes are trained: whoever shines through is seen.

In the mean over colors, the squared error of a pixel is that over middle gray and a twelfth of the squared error of its
opacity: what ``LossWeights.opacity`` adds without the noise of drawing.
"""

from collections.abc import Iterable

import torch
from jaxtyping import UInt8
from torch import Tensor

from triptych.autoencoder import Autoencoder, IdentityAutoencoder
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.text import listed
from triptych.training.phase import Phase
from triptych.training.single.config import SingleConfig


def random_colors(count: int, generator: torch.Generator) -> UInt8[Tensor, "pixel 3"]:
    """A color for each pixel, all alike probable. One for a whole view would move all of its pixels the same way; with
    one each, what a color does to the gradient of a texel averages out over the pixels that see it."""
    return torch.randint(256, (count, 3), generator=generator, dtype=torch.uint8)


def require_alpha(settings: Iterable[Phase | SingleConfig], autoencoder: Autoencoder, dataset: Dataset) -> None:
    """Refuse to lay random colors behind what has no known outline.

    Args:
        settings: of which some may ask for random colors.
        autoencoder: whose latents are compared.
        dataset: the scenes.

    Raises:
        InputError: they ask, but what is compared are latents, or a scene has pictures without alpha and masks.
    """
    if not any(each.random_background for each in settings):
        return
    if not isinstance(autoencoder, IdentityAutoencoder):
        raise InputError(
            "random_background: an encoder sees an object and what is behind it together, so that no color can be laid "
            "behind its latents; leave it out, or train in image space (presets colors and best, triptych rgb)"
        )
    if dataset.opaque:
        names = [dataset.names[scene] for scene in dataset.opaque]
        raise InputError(
            f"random_background: {len(names)} of {len(dataset)} scene(s) have pictures without alpha and masks, which "
            f"do not say what is background ({listed(names)}); leave it out, or choose other scenes with --scenes"
        )
