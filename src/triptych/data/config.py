"""Which dataset is opened, and how its views are used."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from triptych.options import Options, Range

TestRule = Literal["spread", "first"]


@dataclass(frozen=True)
class DatasetConfig(Options):
    """A dataset of posed pictures and how to use it."""

    path: Annotated[Positional[Path], arg(metavar="DATA")]
    """Folder of the dataset: one scene, or one subfolder per scene, in any layout that docs/formats.md lists."""
    scenes: str | None = None
    """Which scenes: "train", "test", "all", a range such as "0:36", or names separated by commas. The others are not
    read. The command chooses when not given."""
    test_views: Annotated[int, Range(0, 100_000)] | None = None
    """Views held out of each scene for testing, where the dataset does not say which. By default 8, and a third of the
    views of a scene that has fewer than 24."""
    test_rule: TestRule = "spread"
    """Hold out views evenly through the sorted views, or the first ones (with 10: the published protocol)."""
    above_ground: bool = False
    """Drop the cameras below the ground, z < 0 (the published SRN protocol)."""
    half_extent: Annotated[float, Range(1e-6, 1_000_000)] | None = None
    """Half the side of the scene box around the origin, in world units. By default what the dataset declares,
    else what its layout's objects fill: 0.55 for the SRN layout, 1.5 for transforms.json."""
    field_of_view: Annotated[float, Range(1, 170)] | None = None
    """Horizontal field of view of the cameras in degrees, for a layout without focal lengths (rgb/ and pose/ alone)."""
    background: str = "white"
    """Color that pictures with alpha or masks are laid over: a name such as white or black, or #rrggbb."""
    resolution: Annotated[int, Range(1, 16_384)] | None = None
    """Box-downscale the pictures to this width in pixels, which must divide theirs."""
    follow_links: bool = False
    """Read what symbolic links lead to outside of the dataset's folder too."""
    cache: Path | None = None
    """Folder for the decoded pictures. By default ``triptych`` in the user's cache folder."""
    cache_size: Annotated[float, Range(0, 1e9)] | None = None
    """GB that the decoded pictures of all datasets in that folder may take; the ones used longest ago make room for new
    ones, but for those that a process has open. By default a quarter of the disk."""
