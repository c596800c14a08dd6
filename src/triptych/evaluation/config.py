"""The pictures that the scenes of a bank are measured on."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from triptych.data.config import TestRule
from triptych.options import Options, Range


@dataclass(frozen=True)
class BankDataConfig(Options):
    """The pictures of a bank's scenes. What is not given is as it was when they were fitted."""

    data: Annotated[Positional[tuple[Path, ...]], arg(metavar="[DATA ...]")] = ()
    """Folders of the datasets that the scenes come from; those that they were fitted from if not given. Scenes are
    found by their content."""
    scenes: str | None = None
    """Which scenes of the bank: "train", "test", "all", a range such as "0:36", or names separated by commas. All by
    default."""
    test_views: Annotated[int, Range(0, 100_000)] | None = None
    """Views held out of each scene for testing, where the dataset does not say which. Those that a scene was fitted to
    are left out of them."""
    test_rule: TestRule | None = None
    """Hold out views evenly through the sorted views (spread), or the first ones (first)."""
    above_ground: bool = False
    """Drop the cameras below the ground, z < 0, where the fit did not do so already."""
    half_extent: Annotated[float, Range(1e-6, 1_000_000)] | None = None
    """Half the side of the scene box around the origin, in world units."""
    resolution: Annotated[int, Range(1, 16_384)] | None = None
    """Box-downscale the pictures to this width in pixels, which must divide theirs."""
    cache: Path | None = None
    """Folder for the decoded pictures. By default ``triptych`` in the user's cache folder."""
