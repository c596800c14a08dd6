"""A picture of all objects as they are aligned: what stands the wrong way shows at a glance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image, ImageDraw
from torch import Tensor

from triptych.data.formats.writer import picture_files
from triptych.data.inspection.contact_sheet import TILE, write_tiles
from triptych.data.pictures import over_color, read_rgba
from triptych.geometry import Cameras

_FROM = (0.433, -0.75, 0.5)
"""The side from which the pictures of all objects are chosen: from the front right and above."""
_HALF = TILE // 2
_MOST = 400
_ROOM = 1.2
_WHITE = (255, 255, 255)
_SHADOW, _ARROW = np.array([90, 105, 125]), (210, 40, 40)


@dataclass(frozen=True)
class Shown:
    """An object on the sheet.

    Attributes:
        folder: its scene's folder.
        label: what stands below.
        cameras: its cameras in the common frame.
        points: of its hull in the common frame.
    """

    folder: Path
    label: str
    cameras: Cameras
    points: Float[Tensor, "point 3"]


def write_alignment_sheet(objects: Sequence[Shown], extent: float, file: Path) -> None:
    """Write for each object: a picture from about the same side, and its hull from above and from its right side, with
    an arrow along x, where all should face.

    Args:
        objects: in the order to show them, of which there is room for 400.
        extent: length of the longest side of every object's box.
        file: the PNG.
    """
    shown = objects[:_MOST]
    write_tiles([_tile(each, extent) for each in shown], [each.label for each in shown], file)


def _tile(shown: Shown, extent: float) -> Image.Image:
    tile = Image.new("RGB", (TILE, TILE + _HALF), "white")
    pixels = over_color(read_rgba(shown.folder / picture_files(len(shown.cameras))[_view(shown.cameras)]), _WHITE)
    tile.paste(Image.fromarray(pixels.round().astype(np.uint8)).resize((TILE, TILE)), (0, 0))
    for left, (across, up) in ((0, (0, 1)), (_HALF, (0, 2))):
        tile.paste(_shadow(shown.points[:, [across, up]], extent), (left, TILE))
    return tile


def _view(cameras: Cameras) -> int:
    eyes = cameras.c2w[:, :, 3]
    return int(((eyes @ eyes.new_tensor(_FROM)) / eyes.norm(dim=1)).argmax())


def _shadow(points: Float[Tensor, "point 2"], extent: float) -> Image.Image:
    """Points on a plane, filled along rows, and an arrow to the right, where x points."""
    places = ((points / (extent * _ROOM) + 0.5) * _HALF).floor().long().clamp(0, _HALF - 1)
    filled = torch.zeros(_HALF, _HALF, dtype=torch.bool)
    filled[_HALF - 1 - places[:, 1], places[:, 0]] = True
    ahead, behind = filled.cummax(dim=1).values, filled.flip(1).cummax(dim=1).values.flip(1)
    pixels = np.where((ahead & behind).numpy()[..., None], _SHADOW, 255).astype(np.uint8)
    shadow = Image.fromarray(pixels)
    draw, middle, tip = ImageDraw.Draw(shadow), _HALF / 2, _HALF - 2
    draw.line([(middle, middle), (tip, middle)], fill=_ARROW)
    for side in (-1, 1):
        draw.line([(tip, middle), (tip - 4, middle + 3 * math.copysign(1, side))], fill=_ARROW)
    return shadow
