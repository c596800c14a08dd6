"""The options of drawing a folder of meshes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from triptych.geometry.srn import SRN_FOCAL, SRN_RADIUS
from triptych.options import Options, Range

Orient = Literal["auto", "keep", "long-axis"]
"""How meshes are turned about the vertical axis; see ``standing.choose_turns``."""


@dataclass(frozen=True)
class RenderConfig(Options):
    """How a folder of meshes becomes a dataset."""

    resolution: Annotated[int, Range(16, 1024)] = 128
    """Side of the square pictures in pixels."""
    views: Annotated[int, Range(2, 1000)] = 40
    """Pictures of each mesh, from all around its upper half."""
    samples_per_axis: Annotated[int, Range(1, 8)] = 2
    """Rays along each side of a pixel."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Another seed gives other cameras and another split."""
    extent: Annotated[float, Range(0.01, 2)] = 1.0
    """Length of the longest side of every mesh's box, in world units; see `fit`."""
    fit: bool = True
    """Make a mesh smaller than `extent` where its shape would reach beyond the pictures."""
    distance: Annotated[float, Range(0.1, 1000)] = SRN_RADIUS
    """Distance of the cameras from the middle of the mesh, in world units."""
    focal: Annotated[float, Range(0.1, 1000)] = SRN_FOCAL
    """Focal length of the cameras, in picture widths."""
    up: Literal["y", "z"] = "y"
    """The meshes' upward axis: y for glTF by its standard, and for most obj files."""
    orient: Orient = "auto"
    """Quarter turns about the vertical axis. `auto` decides for all meshes together: those of an oriented set stay
    as they stand to each other. `keep` turns none. `long-axis` turns each mesh whose longer side does not lie
    along x."""
    follow_links: bool = False
    """Follow symbolic links that lead out of the folder. Links to somewhere inside are always followed."""
    test_fraction: Annotated[float, Range(0, 1)] = 0.3
    """Share of the scenes for stage 2 (split `test`), met roughly: copies of one mesh stay together."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.fit and self.distance <= self.extent:
            inside = "or the cameras stand inside the meshes"
            yield "distance", f"is {self.distance}, expected more than extent ({self.extent}), {inside}"
