"""Small pictures of an object's views, without distortion and all of one size, from which its place is found."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.data.formats.looked_at import nearest_point
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.photos.cutouts import Cutouts
from triptych.data.photos.retaking import Taken, retake
from triptych.errors import InputError
from triptych.geometry import Cameras
from triptych.geometry.hull import Silhouettes

_MOST = 256
"""The largest side of small pictures, into which the longer side of a picture fits."""
_OPAQUE = 128


@dataclass(frozen=True)
class SmallViews:
    """Small pictures of one object.

    Attributes:
        rgba: straight alpha.
        inside: what the pictures show: all have the shape of a square, photographs have not.
        cameras: in the world of the photographs.
    """

    rgba: UInt8[np.ndarray, "view height width 4"]
    inside: Bool[Tensor, "view height width"]
    cameras: Cameras

    @property
    def silhouettes(self) -> Silhouettes:
        """Where they show the object."""
        return Silhouettes(torch.from_numpy(self.rgba[..., 3] >= _OPAQUE), self.inside, self.cameras)


def taken(scene: ParsedScene, view: int) -> Taken:
    """How a picture of a scene has been taken."""
    return Taken(scene.c2w[view, :, :3], scene.intrinsics[view], scene.distortions[view])


def small_views(cutouts: Cutouts) -> SmallViews:
    """The small pictures of an object.

    Raises:
        InputError: a picture or a mask cannot be read, or shows no object.
    """
    scene, rgba, inside, intrinsics = cutouts.scene, [], [], []
    side = min(_MOST, max(map(max, scene.sizes)))
    for view, size in enumerate(scene.sizes):
        intrinsics.append(_small_intrinsics(scene.intrinsics[view], size, side))
        small = retake(
            cutouts.read(view), taken(scene, view), Taken(scene.c2w[view, :, :3], intrinsics[-1]), (side, side)
        )
        if not (small.rgba[..., 3] >= _OPAQUE).any():
            raise InputError(
                f"{scene.files[view]}: its mask ({cutouts.kind}) shows no object; mend it or remove this view"
            )
        rgba.append(small.rgba)
        inside.append(small.inside)
    cameras = Cameras(torch.from_numpy(scene.c2w).double(), torch.from_numpy(np.stack(intrinsics)), side, side)
    return SmallViews(np.stack(rgba), torch.from_numpy(np.stack(inside)), cameras)


def _small_intrinsics(intrinsics: Float[np.ndarray, "4"], size: tuple[int, int], side: int) -> Float[np.ndarray, "4"]:
    """Those of the whole picture in the middle of a small square one."""
    scale = side / max(size)
    room = (side - scale * np.array(size[::-1])) / 2
    return np.concatenate([intrinsics[:2] * scale, intrinsics[2:] * scale + room])


def ball_around(views: SmallViews) -> tuple[Float[Tensor, "3"], float]:
    """Center and radius of a ball that about holds the object: where the rays through the middles of its silhouettes
    meet, as large as half of the pictures show it at least.

    Raises:
        InputError: the cameras do not look at it.
    """
    middles, radii = _middles_and_radii(views.silhouettes.shown)
    cameras = views.cameras
    offsets = torch.cat(
        [(middles - cameras.intrinsics[:, 2:]) / cameras.intrinsics[:, :2], torch.ones(len(cameras), 1)], 1
    )
    rays = torch.nn.functional.normalize(torch.einsum("vij,vj->vi", cameras.c2w[:, :, :3], offsets.double()), dim=-1)
    center = torch.from_numpy(nearest_point(cameras.c2w[:, :, 3].numpy(), rays.numpy()))
    depth = cameras.project(center[None]).depth
    radius = float((radii / cameras.intrinsics[:, 0] * depth[:, 0]).median())
    if not (torch.isfinite(center).all() and 0 < radius < torch.inf):
        raise InputError("the cameras look at nothing in common")
    return center, radius


def _middles_and_radii(shown: Bool[Tensor, "view height width"]) -> tuple[Tensor, Tensor]:
    """The middle (x, y) of the box around each silhouette, and half of its diagonal, in pixels."""
    middles, radii = [], []
    for silhouette in shown:
        rows, columns = silhouette.any(dim=1).nonzero()[:, 0], silhouette.any(dim=0).nonzero()[:, 0]
        low, high = torch.stack([columns[0], rows[0]]).double(), torch.stack([columns[-1], rows[-1]]).double() + 1
        middles.append((low + high) / 2)
        radii.append((high - low).norm() / 2)
    return torch.stack(middles), torch.stack(radii)
