"""What is written of scenes, and how finely."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

from triptych.geometry.srn import SRN_RADIUS
from triptych.options import Options, Range

Channel = Literal["latents", "depth", "opacity"]
"""What a rendered view has beside its picture."""

MOST_FACES = {"texture": 10_000, "vertices": 50_000}
"""Faces of a mesh that says nothing else, by where its colors are."""


@dataclass(frozen=True)
class MeshConfig(Options):
    """How a scene becomes a mesh."""

    resolution: Annotated[int, Range(8, 512)] = 128
    """Voxels along the longest side of the scene box; voxels are cubes."""
    threshold: Annotated[float, Range(1e-9, 1e9)] | None = None
    """Density of the surface, per world unit. By default the surface lies where the views see it."""
    smoothing: Annotated[float, Range(0, 0.1)] = 1 / 64
    """How far the density is smoothed, as a share of the box's longest side; 0 keeps all of its bumps. Signed
    distances are not smoothed."""
    faces: Annotated[int, Range(16, 20_000_000)] | None = None
    """Most faces of the mesh. By default 10,000 with a texture and 50,000 with vertex colors."""
    colors: Literal["texture", "vertices"] = "texture"
    """Where the colors are: in a texture, or at the vertices; ply and obj files always have them at the vertices."""
    texels: Annotated[int, Range(32, 8192)] = 512
    """About the side of the texture."""
    lit: bool = False
    """Leave glb files to the light of the viewer. By default they are shown as they are: the colors hold the light of
    the pictures already."""
    smallest_part: Annotated[float, Range(0, 1)] = 0.01
    """Parts that are not connected to others and have fewer than this share of the faces are dropped."""
    azimuths: Annotated[int, Range(1, 1000)] = 16
    """Views on each circle that the colors come from."""
    elevations: tuple[Annotated[float, Range(-89, 89)], ...] = (5.0, 30.0, 60.0)
    """Heights of the circles above the horizon, in degrees."""
    radius: Annotated[float, Range(1e-3, 1_000_000)] = SRN_RADIUS
    """Distance of the views from the origin, in world units; as far as the cameras that the model was trained with."""

    @property
    def most_faces(self) -> int:
        """``faces``, or what stands for it."""
        return self.faces or MOST_FACES[self.colors]

    def contradictions(self) -> Iterator[tuple[str, str]]:
        if not self.elevations:
            yield "elevations", "is empty, expected at least one height"
