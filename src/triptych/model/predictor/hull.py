"""The cells of a scene's box that can hold matter for all that the pictures show: the visual hull."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int, Int32
from torch import Tensor

from triptych.geometry import bit_grid
from triptych.geometry.hull import VIEWS_TO_OUTVOTE_ONE
from triptych.model.predictor.views import EncodedViews


@dataclass(frozen=True)
class Grid:
    """A box divided into nearly cubic cells, in the order z, y, x.

    Attributes:
        aabb: lower and upper corner of the box.
        shape: cells along z, y and x.
    """

    aabb: Float[Tensor, "2 3"]
    shape: tuple[int, int, int]

    @classmethod
    def of(cls, aabb: Float[Tensor, "2 3"], cells: int, multiple: int) -> "Grid":
        """About so many cells, along each axis a multiple of ``multiple``."""
        sides = (aabb[1] - aabb[0]).tolist()
        edge = (math.prod(sides) / cells) ** (1 / 3)
        x, y, z = (multiple * max(1, round(side / (edge * multiple))) for side in sides)
        return cls(aabb, (z, y, x))

    @property
    def edges(self) -> Float[Tensor, "3"]:
        """Lengths of a cell along x, y and z."""
        return (self.aabb[1] - self.aabb[0]) / self.aabb.new_tensor(self.shape[::-1])

    def centers(self) -> Float[Tensor, "cell 3"]:
        """The middle of every cell, in world units."""
        places = [(torch.arange(count, device=self.aabb.device) + 0.5) / count for count in self.shape]
        z, y, x = torch.meshgrid(*places, indexing="ij")
        return self.aabb[0] + torch.stack([x, y, z], dim=-1).reshape(-1, 3) * (self.aabb[1] - self.aabb[0])


@dataclass(frozen=True)
class Hull:
    """The cells that the views leave.

    Attributes:
        grid: of which grid.
        cells: their numbers, ascending.
        centers: the middle of each, in world units.
        doubts: how many views show background there.
        normals: unit vectors out of the hull; near 0 deep inside it.
    """

    grid: Grid
    cells: Int[Tensor, " cell"]
    centers: Float[Tensor, "cell 3"]
    doubts: Float[Tensor, " cell"]
    normals: Float[Tensor, "cell 3"]

    def occupancy(self) -> Int32[Tensor, "z y"]:
        """The hull and the cells around it, in the bits of `triptych.geometry.bit_grid`."""
        aabb = self.grid.aabb
        place = (self.centers - aabb[0]) / (aabb[1] - aabb[0]) * bit_grid.SIDE
        x, y, z = place.long().clamp(0, bit_grid.SIDE - 1).unbind(dim=1)
        kept = torch.zeros((1, *3 * (bit_grid.SIDE,)), dtype=torch.bool, device=aabb.device)
        kept[0, z, y, x] = True
        return bit_grid.dilate(bit_grid.pack(kept))[0]


def carve(grid: Grid, views: EncodedViews) -> Hull:
    """The visual hull of some views.

    What lies beyond the edges of a picture, or behind its camera, is not carved by it. Silhouettes count as one latent
    pixel larger on all sides, since a cell is about as large as one. A box of which nothing is left is left whole:
    such pictures do not fit their cameras.
    """
    shown = F.max_pool2d(views.shown[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0
    allowed = int(len(views) >= VIEWS_TO_OUTVOTE_ONE)
    all_centers = grid.centers()
    doubts = views.cameras.project(all_centers).on(~shown).sum(dim=0).float()
    cells = (doubts <= allowed).nonzero()[:, 0]
    if not len(cells):
        doubts, cells = torch.zeros_like(doubts), torch.arange(len(doubts), device=doubts.device)
    return Hull(grid, cells, all_centers[cells], doubts[cells], _normals(grid, cells))


def _normals(grid: Grid, cells: Int[Tensor, " cell"]) -> Float[Tensor, "cell 3"]:
    """From the gradient of the hull, smoothed over five cells."""
    solid = torch.zeros(math.prod(grid.shape), device=cells.device)
    solid[cells] = 1
    smooth = solid.reshape(1, 1, *grid.shape)
    for kernel in ((5, 1, 1), (1, 5, 1), (1, 1, 5)):
        smooth = F.avg_pool3d(smooth, kernel, stride=1, padding=tuple(side // 2 for side in kernel))
    padded = F.pad(smooth, (1,) * 6)[0, 0]
    along_z = padded[:-2, 1:-1, 1:-1] - padded[2:, 1:-1, 1:-1]
    along_y = padded[1:-1, :-2, 1:-1] - padded[1:-1, 2:, 1:-1]
    along_x = padded[1:-1, 1:-1, :-2] - padded[1:-1, 1:-1, 2:]
    outward = torch.stack([along_x, along_y, along_z], dim=-1).reshape(-1, 3)[cells]
    return outward / outward.norm(dim=1, keepdim=True).clamp_min(0.05)
