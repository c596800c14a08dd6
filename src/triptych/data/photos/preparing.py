"""One object from its photographs: found, upright in its own frame, and cropped."""

import math
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, UInt8
from torch import Tensor

from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.photos.config import PhotosConfig
from triptych.data.photos.cutouts import Cutouts, find_cutouts, with_gain
from triptych.data.photos.exposure import gains
from triptych.data.photos.objects import PhotoObject
from triptych.data.photos.placing import FINE_SIDE, Placed, place, shows_whole
from triptych.data.photos.record import Findings, Record
from triptych.data.photos.retaking import Taken, retake
from triptych.data.photos.small_views import SmallViews, small_views, taken
from triptych.data.photos.turntable import turned_around, with_axis_found
from triptych.errors import InputError
from triptych.geometry import Cameras, look_at

Pictures = UInt8[np.ndarray, "view height width 4"]
_COVER_SIDE = 96
_NEAREST = 0.9
"""Sine of half the widest angle under which a picture shows an object."""
_CLEARLY = 0.02
"""By so much more of its masks the hull of a turntable that turns the other way must fill."""


def prepare(found: PhotoObject, scene: ParsedScene, config: PhotosConfig, kept: Path) -> tuple[Record, Pictures]:
    """Find an object in its photographs, and crop them.

    Args:
        found: the object.
        scene: its views.
        config: how.
        kept: folder for masks that are made.

    Raises:
        InputError: it cannot be found, with the file and the reason.
    """
    cutouts = find_cutouts(scene, found.folder, config.masks, config.threshold, kept)
    views = small_views(cutouts)
    if found.is_turntable:
        cutouts, views = with_axis_found(cutouts, views)
    try:
        placed = place(views, "keep" if found.is_turntable else config.up, config.tolerated)
    except InputError as error:
        raise InputError(f"{found.folder}: {error}") from None
    whole = shows_whole(placed, views).nonzero()[:, 0].tolist()
    if len(whole) < 2:
        raise InputError(f"{found.folder}: {len(whole)} of its pictures show the object whole; expected two at least")
    gain = gains(placed, views)
    cameras = _crops(placed.similarity.cameras(views.cameras), config)[whole]
    applied = gain if config.exposure == "compensate" else np.ones_like(gain)
    pictures = _pictures(cutouts, placed, cameras, [(view, float(applied[view])) for view in whole])
    covered = _share_filled(placed, views)
    findings = Findings(
        folder=found.folder.name,
        views=len(whole),
        left_out=len(views.rgba) - len(whole),
        masks=cutouts.kind,
        covered=covered,
        exposure=float(gain.max() / gain.min()),
        turns_other_way=found.is_turntable and _covered_other_way(views, config) > covered + _CLEARLY,
        stored_turned=found.is_turntable and scene.turned > 0,
    )
    return Record(cameras, placed.hull, _ends(placed.fine), FINE_SIDE, findings), pictures


def _crops(cameras: Cameras, config: PhotosConfig) -> Cameras:
    """Cameras at the same places that look at the origin and see the object's ball whole, with some room."""
    eyes, size = cameras.c2w[:, :, 3], config.size
    sine = (0.5 * (1 + config.margin) / eyes.norm(dim=1)).clamp_max(_NEAREST)
    focal = 0.5 * size / (sine / (1 - sine**2).sqrt())
    middle = torch.full_like(focal, size / 2)
    return Cameras(look_at(eyes), torch.stack([focal, focal, middle, middle], dim=1), size, size)


def _pictures(cutouts: Cutouts, placed: Placed, cameras: Cameras, views: list[tuple[int, float]]) -> Pictures:
    """The crops of some views, each with its gain."""
    to_world = placed.similarity.rotation.T
    pictures = []
    for (view, gain), c2w, intrinsics in zip(views, cameras.c2w, cameras.intrinsics, strict=True):
        wanted = Taken((to_world @ c2w[:, :3]).numpy(), intrinsics.numpy())
        rgba = with_gain(cutouts.read(view), gain)
        pictures.append(retake(rgba, taken(cutouts.scene, view), wanted, (cameras.height, cameras.width)).rgba)
    return np.stack(pictures)


def _ends(solid: Bool[Tensor, "z y x"]) -> UInt8[Tensor, "cell 3"]:
    """z, y and x of the first and the last cell of each row along x, which hold the corners of any turned box."""
    number = torch.arange(solid.shape[2]).expand(solid.shape)
    first = torch.where(solid, number, solid.shape[2]).amin(dim=2)
    last = torch.where(solid, number, -1).amax(dim=2)
    rows = solid.any(dim=2).nonzero()
    ends = [torch.cat([rows, end[tuple(rows.T)][:, None]], dim=1) for end in (first, last)]
    return torch.cat(ends).to(torch.uint8)


def _share_filled(placed: Placed, views: SmallViews) -> float:
    """Which share of the masks the hull fills."""
    shares = []
    seen = placed.similarity.cameras(views.cameras).resized(_COVER_SIDE, _COVER_SIDE).project(placed.points)
    shown = (
        torch.nn.functional.interpolate(views.silhouettes.shown[:, None].float(), size=(_COVER_SIDE, _COVER_SIDE))[:, 0]
        > 0
    )
    for pixels, inside, silhouette in zip(seen.pixels(), seen.inside, shown, strict=True):
        filled = torch.zeros_like(silhouette)
        filled.view(-1)[pixels[inside]] = True
        shares.append(float((filled & silhouette).sum() / silhouette.sum().clamp_min(1)))
    return math.fsum(shares) / len(shares)


def _covered_other_way(views: SmallViews, config: PhotosConfig) -> float:
    other = turned_around(views)
    try:
        placed = place(other, "keep", config.tolerated)
    except InputError:
        return 0.0
    return _share_filled(placed, other)
