"""The options of drawing a folder of meshes."""

from dataclasses import dataclass
from typing import Literal, get_args

from triptych.errors import InputError
from triptych.geometry.cameras import SRN_FOCAL, SRN_RADIUS
from triptych.scenes.meshes.standing import Orient


@dataclass(frozen=True)
class RenderConfig:
    """How a folder of meshes becomes a dataset."""

    resolution: int = 128
    """Side of the square pictures in pixels."""
    views: int = 40
    """Pictures of each mesh, from all around its upper half."""
    samples_per_axis: int = 2
    """Rays along each side of a pixel."""
    seed: int = 0
    """Another seed gives other cameras and another split."""
    extent: float = 1.0
    """Length of the longest side of every mesh's box, in world units; see `fit`."""
    fit: bool = True
    """Make a mesh smaller than `extent` where its shape would reach beyond the pictures."""
    distance: float = SRN_RADIUS
    """Distance of the cameras from the middle of the mesh, in world units."""
    focal: float = SRN_FOCAL
    """Focal length of the cameras, in picture widths."""
    up: Literal["y", "z"] = "y"
    """The meshes' upward axis: y for glTF by its standard, and for most obj files."""
    orient: Orient = "auto"
    """Quarter turns about the vertical axis. `auto` decides for all meshes together: those of an oriented set stay
    as they stand to each other. `keep` turns none. `long-axis` turns each mesh whose longer side does not lie
    along x."""
    follow_links: bool = False
    """Follow symbolic links that lead out of the folder. Links to somewhere inside are always followed."""
    test_fraction: float = 0.3
    """Share of the scenes for stage 2 (split `test`), met roughly: copies of one mesh stay together."""

    def __post_init__(self) -> None:
        """Refuse values that make no dataset.

        Raises:
            InputError: a value is out of its range.
        """
        for name, lowest, highest in (
            ("resolution", 16, 1024),
            ("views", 2, 1000),
            ("samples_per_axis", 1, 8),
            ("seed", 0, 2**32 - 1),
            ("extent", 0.01, 2.0),
            ("distance", 0.1, 1000.0),
            ("focal", 0.1, 1000.0),
            ("test_fraction", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise InputError(f"meshes: {name} is {value}, expected a number from {lowest} to {highest}")
        for name, choices in (("up", ("y", "z")), ("orient", get_args(Orient))):
            if getattr(self, name) not in choices:
                raise InputError(f"meshes: {name} is {getattr(self, name)!r}, expected one of {', '.join(choices)}")
        if not self.fit and self.distance <= self.extent:
            raise InputError(
                f"meshes: distance is {self.distance}, expected more than extent ({self.extent}), "
                "or the cameras stand inside the meshes"
            )
