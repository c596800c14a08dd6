"""Looking at small meshes in tests: one camera from above, and colors without the light."""

from pathlib import Path

import numpy as np
import torch

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.light import light
from triptych.data.generators.meshes.loading import load_mesh
from triptych.data.generators.meshes.mesh import Mesh
from triptych.data.generators.meshes.standing import resize, set_upright
from triptych.data.generators.meshes.tracing import Tracer
from triptych.geometry import Cameras

UP = light(np.array([[0.0, 0.0, 1.0]])).item()
"""Brightness of a horizontal surface."""
QUADRANTS = {"upper left": (4, 4), "upper right": (4, 12), "lower left": (12, 4), "lower right": (12, 12)}


def read(path: Path, root: Path | None = None) -> Mesh:
    """The mesh of a file, z up, its longest side 1."""
    return resize(set_upright(load_mesh(path, MeshFolder(root or path.parent)), "y"), 1.0)


def from_above(resolution: int = 16) -> Cameras:
    """One camera high above that sees x to the right and y upwards, the square of side 1 just filling it."""
    height = 100.0
    c2w = torch.tensor([[[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, height]]])
    intrinsics = torch.tensor([[resolution * height, resolution * height, resolution / 2, resolution / 2]])
    return Cameras(c2w, intrinsics, resolution, resolution)


def draw(mesh: Mesh, samples_per_axis: int = 1) -> np.ndarray:
    """RGBA of a mesh seen from above, 16x16."""
    return Tracer(mesh).render(from_above(), samples_per_axis)[0]


def quadrants(path: Path, *, lit: bool = True) -> np.ndarray:
    """RGBA in [0, 1] in the middle of the four quarters of a horizontal square, before lighting: upper left, upper
    right, lower left, lower right."""
    picture = draw(read(path)) / 255
    colors = np.array([picture[place] for place in QUADRANTS.values()])
    return np.concatenate([colors[:, :3] / (UP if lit else 1.0), colors[:, 3:]], axis=-1)
