"""A contact sheet: one small picture per scene, in a grid, with the names below."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from triptych.data.evenly import evenly
from triptych.files import write_atomically
from triptych.geometry import Cameras
from triptych.text import one_line

TILE = 128
"""Longer side of a small picture in pixels."""
_VIEWPOINT = (0.433, -0.75, 0.5)
"""Side from which a sheet shows scenes: from the front right for those that face along x, and from above."""
_AXES = {"x": (210, 40, 40), "y": (30, 140, 50), "z": (40, 70, 210)}
_AXIS_LENGTH = 16
_GAP = 8
_LINE = 16
_LIMIT = 48
_COLUMNS = 8


@runtime_checkable
class PosedScenes(Protocol):
    """What a contact sheet shows: a ``Dataset``."""

    @property
    def names(self) -> tuple[str, ...]: ...

    def __len__(self) -> int: ...

    def cameras(self, scene: int) -> Cameras: ...

    def images(self, scene: int, views: Sequence[int]) -> UInt8[np.ndarray, "view height width 3"]: ...


def write_contact_sheet(dataset: PosedScenes, file: Path, *, limit: int = _LIMIT) -> None:
    """Write a contact sheet as PNG; see ``contact_sheet``."""
    _write(contact_sheet(dataset, limit=limit), file)


def contact_sheet(dataset: PosedScenes, *, limit: int = _LIMIT) -> Image.Image:
    """One view of up to ``limit`` scenes, evenly through the names, all from about the same side.

    So it shows at a glance which way the scenes face; small marks are the world's axes. A dataset of one scene
    shows up to ``limit`` of its views instead.

    Args:
        dataset: the scenes.
        limit: the most pictures to show.
    """
    counts = [len(dataset.cameras(scene)) for scene in range(len(dataset))]
    chosen = choose_views(counts, limit)
    if len(counts) > 1:
        chosen = [(scene, _view_from_viewpoint(dataset.cameras(scene))) for scene, _ in chosen]
    labels = label_views(dataset.names, chosen)
    tiles = [shrink_to_tile(dataset.images(scene, [view])[0]) for scene, view in chosen]
    for tile, (scene, view) in zip(tiles, chosen, strict=True):
        _mark_axes(tile, dataset.cameras(scene)[[view]])
    return lay_out(tiles, labels)


def choose_views(counts: Sequence[int], limit: int = _LIMIT) -> list[tuple[int, int]]:
    """Which (scene, view) pairs a contact sheet shows, for scenes with these numbers of views."""
    if len(counts) == 1:
        return [(0, view) for view in evenly(range(counts[0]), limit)]
    return [(scene, 0) for scene in evenly(range(len(counts)), limit)]


def label_views(names: Sequence[str], chosen: Sequence[tuple[int, int]]) -> list[str]:
    """What stands under the chosen pictures: scene names, or view numbers where there is one scene."""
    return [f"view {view}" if len(names) == 1 else names[scene] for scene, view in chosen]


def shrink_to_tile(picture: UInt8[np.ndarray, "height width 3"]) -> Image.Image:
    """The picture with its longer side at ``TILE`` pixels (small pictures keep their pixels visible)."""
    image = Image.fromarray(picture)
    scale = TILE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.NEAREST if scale > 1 else Image.Resampling.BOX)


def write_tiles(tiles: Sequence[Image.Image], labels: Sequence[str], file: Path) -> None:
    """Lay small pictures out, and write a PNG."""
    _write(lay_out(tiles, labels), file)


def lay_out(tiles: Sequence[Image.Image], labels: Sequence[str]) -> Image.Image:
    """Small pictures in a grid on white, each with its label."""
    columns = min(_COLUMNS, len(tiles))
    rows = math.ceil(len(tiles) / columns)
    width, height = TILE + _GAP, max(tile.height for tile in tiles) + _LINE + _GAP
    sheet = Image.new("RGB", (columns * width + _GAP, rows * height + _GAP), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=12)
    for number, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        left, top = _GAP + number % columns * width, _GAP + number // columns * height
        sheet.paste(tile, (left + (TILE - tile.width) // 2, top))
        place = (left + TILE / 2, top + height - _GAP - _LINE)
        draw.text(place, _shorten(one_line(label), font), fill="black", font=font, anchor="ma")
    return sheet


def _write(sheet: Image.Image, file: Path) -> None:
    write_atomically(file, lambda output: sheet.save(output, format="PNG"))


def _view_from_viewpoint(cameras: Cameras) -> int:
    eyes = cameras.c2w[:, :, 3]
    toward = (eyes @ eyes.new_tensor(_VIEWPOINT)) / eyes.norm(dim=-1).clamp(min=1e-9)
    return int(toward.argmax())


def _mark_axes(tile: Image.Image, camera: Cameras) -> None:
    """Draw the world's axes into the lower left corner of a small picture, as its camera sees them."""
    draw = ImageDraw.Draw(tile)
    left, top = _AXIS_LENGTH + 4, tile.height - _AXIS_LENGTH - 4
    for (name, color), axis in zip(_AXES.items(), camera.c2w[0, :, :2].tolist(), strict=True):
        right, down = (_AXIS_LENGTH * part for part in axis)
        draw.line([(left, top), (left + right, top + down)], fill=color, width=2)
        draw.text((left + 1.3 * right, top + 1.3 * down), name, fill=color, font=ImageFont.load_default(9), anchor="mm")


def _shorten(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    if font.getlength(label) <= TILE:
        return label
    # Hashes and numbered names differ at both ends, so the middle is cut out.
    ends = next(size for size in range(len(label) // 2, 0, -1) if _fits(label, size, font))
    return f"{label[:ends]}…{label[-ends:]}"


def _fits(label: str, ends: int, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> bool:
    return ends == 1 or font.getlength(f"{label[:ends]}…{label[-ends:]}") <= TILE
