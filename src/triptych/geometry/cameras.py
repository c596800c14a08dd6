"""Pinhole cameras in the one convention of the project (see the package docstring)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from triptych.geometry.projection import Projection
from triptych.geometry.rays import Rays
from triptych.geometry.srn import SRN_FOCAL, SRN_RADIUS
from triptych.runtime import sent


@dataclass(frozen=True)
class Cameras:
    """Several pinhole cameras that share one picture size.

    Attributes:
        c2w: camera-to-world matrices [R | t], OpenCV axes.
        intrinsics: fx, fy, cx, cy in pixels; the center of the first pixel lies at (0.5, 0.5).
        height: picture height in pixels.
        width: picture width in pixels.
    """

    c2w: Float[Tensor, "view 3 4"]
    intrinsics: Float[Tensor, "view 4"]
    height: int
    width: int

    @classmethod
    def together(cls, parts: Sequence["Cameras"]) -> "Cameras":
        """All cameras of several groups whose pictures have one size."""
        c2w, intrinsics = (torch.cat(values) for values in zip(*((p.c2w, p.intrinsics) for p in parts), strict=True))
        return cls(c2w, intrinsics, parts[0].height, parts[0].width)

    def __len__(self) -> int:
        return self.c2w.shape[0]

    def __getitem__(self, views: slice | list[int] | Int[Tensor, " chosen"]) -> "Cameras":
        """The chosen cameras, as a new object (always several: index with a list or a slice)."""
        return Cameras(self.c2w[views], self.intrinsics[views], self.height, self.width)

    def to(self, device: torch.device | str) -> "Cameras":
        """The same cameras on another device."""
        return Cameras(sent(self.c2w, device), sent(self.intrinsics, device), self.height, self.width)

    def resized(self, height: int, width: int) -> "Cameras":
        """The same cameras looking through a coarser or finer pixel grid over the same field of view.

        Other proportions stretch the picture, as pixels do that are not square; ``Orbit.cameras`` makes cameras for
        any.
        """
        columns, rows = width / self.width, height / self.height
        intrinsics = torch.stack([self.intrinsics[:, 0::2] * columns, self.intrinsics[:, 1::2] * rows], dim=-1)
        return Cameras(self.c2w, intrinsics.flatten(1), height, width)

    def shifted(self, offsets: Int[Tensor, "view 2"]) -> "Cameras":
        """The same cameras with pictures that begin ``offsets`` = (x, y) pixels to the right and below."""
        centers = self.intrinsics[:, 2:] - sent(offsets, self.intrinsics.device)
        return Cameras(self.c2w, torch.cat([self.intrinsics[:, :2], centers], dim=1), self.height, self.width)

    def rays(self) -> Rays:
        """One ray through every pixel center, shaped [view, height * width, 3], rows first."""
        device, dtype = self.c2w.device, self.c2w.dtype
        rows = torch.arange(self.height, device=device, dtype=dtype) + 0.5
        columns = torch.arange(self.width, device=device, dtype=dtype) + 0.5
        y, x = torch.meshgrid(rows, columns, indexing="ij")
        return _through(self.c2w[:, None], self.intrinsics[:, None], torch.stack([x.flatten(), y.flatten()], dim=1))

    def rays_at(self, views: Int[Tensor, " ray"], points: Float[Tensor, "ray 2"]) -> Rays:
        """A ray each through a point (x, y) of a view's picture, in pixels.

        Args:
            views: the view of each ray.
            points: where it passes; the center of the first pixel lies at (0.5, 0.5).
        """
        return _through(self.c2w.index_select(0, views), self.intrinsics.index_select(0, views), points)

    def project(self, points: Float[Tensor, "point 3"]) -> Projection:
        """Where every camera sees points of the world.

        One axis a tensor, which is several times faster than points of three numbers.
        """
        rotation, eye = self.c2w[:, :, :3], self.c2w[:, :, 3]
        fx, fy, cx, cy = self.intrinsics.T[:, :, None]
        right, down, forward = ((points @ rotation[:, :, axis].T).T for axis in range(3))
        offset = torch.einsum("vi,via->va", eye, rotation)
        right, down, depth = (value - offset[:, axis, None] for axis, value in enumerate((right, down, forward)))
        return Projection(right / depth * fx + cx, down / depth * fy + cy, depth, self.height, self.width)


def _through(
    c2w: Float[Tensor, "*#batch 3 4"], intrinsics: Float[Tensor, "*#batch 4"], points: Float[Tensor, "*#batch 2"]
) -> Rays:
    """The rays of cameras through points of their pictures."""
    x, y = ((points - intrinsics[..., 2:]) / intrinsics[..., :2]).split(1, dim=-1)
    right, down, forward, eye = c2w.unbind(dim=-1)
    directions = torch.addcmul(torch.addcmul(forward, right, x), down, y)
    return Rays(eye.expand_as(directions), directions / directions.norm(dim=-1, keepdim=True))


def look_at(eyes: Float[Tensor, "view 3"], target: Float[Tensor, "3"] | None = None) -> Float[Tensor, "view 3 4"]:
    """Camera-to-world matrices of upright cameras (world z up) at ``eyes`` that look at ``target`` (the origin)."""
    target = torch.zeros(3, dtype=eyes.dtype, device=eyes.device) if target is None else target
    forward = torch.nn.functional.normalize(target - eyes, dim=-1)
    up = torch.tensor([0.0, 0.0, 1.0], dtype=eyes.dtype, device=eyes.device).expand_as(forward)
    # A camera straight above has no upright direction: any fixed one will do.
    vertical = forward[:, 2:].abs() > 1 - 1e-6
    up = torch.where(vertical, up.new_tensor([0.0, 1.0, 0.0]).expand_as(up), up)
    right = torch.nn.functional.normalize(torch.cross(forward, up, dim=-1), dim=-1)
    down = torch.cross(forward, right, dim=-1)
    return torch.stack([right, down, forward, eyes], dim=-1)


def _srn_like(eyes: Float[Tensor, "view 3"], resolution: int, focal: float) -> Cameras:
    pixels = focal * resolution
    intrinsics = torch.tensor([pixels, pixels, resolution / 2, resolution / 2], dtype=eyes.dtype)
    return Cameras(look_at(eyes), intrinsics.expand(len(eyes), 4).clone(), resolution, resolution)


def hemisphere_cameras(
    count: int,
    resolution: int,
    seed: int,
    *,
    radius: float = SRN_RADIUS,
    focal: float = SRN_FOCAL,
    elevation_degrees: tuple[float, float] = (0.0, 75.0),
) -> Cameras:
    """Cameras on the upper hemisphere around the origin, spread evenly by area and turned at random by the seed.

    Azimuths follow the golden angle and heights are stratified, both with a seeded jitter: any prefix or strided
    subset of the views still surrounds the object, and no two scenes share exactly the same poses.

    Args:
        count: number of cameras.
        resolution: side of the square pictures in pixels.
        seed: seed of the jitter.
        radius: distance from the origin in world units.
        focal: focal length in image widths.
        elevation_degrees: lowest and highest elevation above the ground.
    """
    generator = torch.Generator().manual_seed(seed)
    jitter = torch.rand(2, count, generator=generator, dtype=torch.float64)
    order = torch.randperm(count, generator=generator)
    lowest, highest = (math.sin(math.radians(angle)) for angle in elevation_degrees)
    height = lowest + (highest - lowest) * (order + jitter[0]) / count
    golden_angle = math.pi * (3 - math.sqrt(5))
    azimuth = golden_angle * (torch.arange(count, dtype=torch.float64) + jitter[1]) + 2 * math.pi * jitter[1, 0]
    across = torch.sqrt(1 - height**2)
    eyes = radius * torch.stack([across * azimuth.cos(), across * azimuth.sin(), height], dim=-1)
    return _srn_like(eyes.float(), resolution, focal)
