"""How much quality is lost where, from the pictures to new scenes: what holds a set back, in decibels."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from triptych.experiments.measured import Measured


@dataclass(frozen=True)
class Gaps:
    """What lies between RGB tri-planes and new scenes, in parts that add up to it, each in dB.

    Trained and new scenes are different objects. Each kind is therefore compared with what the autoencoder makes of
    its own pictures, so that harder objects do not count as a gap. In image space, RGB tri-planes at convergence take
    the place of the autoencoder alone.

    Attributes:
        autoencoder: RGB tri-planes at convergence less the autoencoder alone, new scenes; below 0 where the
            autoencoder shows more than RGB tri-planes.
        fitting: the autoencoder alone less trained scenes on their fitted views.
        other_views: trained scenes on their fitted views less the same on test views.
        new_scenes: how much further new scenes are below their autoencoder than trained ones, on test views.
    """

    autoencoder: float
    fitting: float
    other_views: float
    new_scenes: float

    @property
    def largest(self) -> str:
        """The name of the largest part."""
        parts = asdict(self)
        return max(parts, key=parts.__getitem__)


GAP_TITLES = {
    "autoencoder": "RGB to the autoencoder alone",
    "fitting": "autoencoder to trained scenes, fitted views",
    "other_views": "trained scenes, fitted to test views",
    "new_scenes": "trained to new scenes",
}
"""The parts in words."""


def quality_chain(trained: Measured, new: Measured, rgb: Measured) -> Mapping[str, float]:
    """PSNR in dB from the autoencoder to RGB tri-planes, by what it is of.

    Args:
        trained: scenes of stage 1, means.
        new: new scenes at one budget, means.
        rgb: the same as RGB tri-planes at convergence, means.
    """
    chain = {
        "autoencoder alone, trained scenes": trained.psnr_autoencoder,
        "trained scenes, fitted views": trained.psnr_train_views,
        "trained scenes, test views": trained.psnr,
        "autoencoder alone, new scenes": new.psnr_autoencoder,
        "new scenes, fitted views": new.psnr_train_views,
        "new scenes, test views": new.psnr,
        "RGB tri-planes at convergence, fitted views": rgb.psnr_train_views,
        "RGB tri-planes at convergence, test views": rgb.psnr,
    }
    return {what: psnr for what, psnr in chain.items() if psnr is not None}


def gaps_between(trained: Measured, new: Measured, rgb: Measured) -> Gaps:
    """The parts of the distance from RGB tri-planes to new scenes; see ``quality_chain``."""
    of_trained, of_new = (
        rgb.psnr if each.psnr_autoencoder is None else each.psnr_autoencoder for each in (trained, new)
    )
    return Gaps(
        autoencoder=rgb.psnr - of_new,
        fitting=of_trained - trained.psnr_train_views,
        other_views=trained.psnr_train_views - trained.psnr,
        new_scenes=(of_new - new.psnr) - (of_trained - trained.psnr),
    )
