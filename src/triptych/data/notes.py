"""Notes: what can be used but is probably a mistake, in one line each."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from triptych.data.backgrounds import Color, are_alike, color_text
from triptych.data.formats.masks import MASK_FOLDERS
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.splits import ViewSplit
from triptych.files import is_folder

_OFF_CENTER = 0.2
"""How far a principal point may lie from the middle, as a fraction of the side."""
_FIELD_OF_VIEW = (15.0, 110.0)
"""Usual horizontal fields of view in degrees; the focal length of a picture twice or four times as large is outside."""


FEW_VIEWS = 8
"""Views to fit below which no scene gets good."""


def blank_note(name: str) -> str:
    """The note on a scene whose pictures show nothing."""
    return f"scene {name}: blank, each of its pictures is of one color; leave it out"


def background_note(opaque: int, scenes: int, found: Color | None, laid_over: Color) -> str | None:
    """The note on pictures without alpha that show another color around the object than alpha is laid over, or None.

    Args:
        opaque: number of scenes with such pictures.
        scenes: number of all.
        found: the color that they show at their edges, if it is one.
        laid_over: what the pictures with alpha are laid over.
    """
    if found is None or are_alike(found, laid_over):
        return None
    advice = "a model that is trained on them takes this color for what is behind objects"
    if opaque < scenes:
        text = color_text(found)
        advice = (
            f"those with alpha are laid over {color_text(laid_over)}; give --background '{text}' to have one for all"
        )
    return f"{opaque} of {scenes} scenes have pictures without alpha, before {color_text(found)}; {advice}"


def few_views_note(names: Sequence[str], splits: Sequence[ViewSplit]) -> str | None:
    """The note on scenes that hold out more views than they keep for fitting, or None."""
    few = [number for number, split in enumerate(splits) if len(split.train) < len(split.test)]
    if not few:
        return None
    first = splits[few[0]]
    return (
        f"{len(few)} of {len(names)} scenes hold out more views than are fitted ({names[few[0]]}: {len(first.train)} "
        f"fitted, {len(first.test)} held out); lower test_views unless that is intended"
    )


def notes_on_scene(scene: ParsedScene) -> Iterator[str]:
    """Notes on the cameras and pictures of a scene."""
    count = len(scene.files)
    if scene.turned:
        yield (
            f"scene {scene.name}: {scene.turned} of {count} pictures have an EXIF orientation; their pixels are taken "
            "as they are stored, as COLMAP and nerfstudio take them; if the contact sheet shows them on their side, "
            "turn the pixels (mogrify -auto-orient) and estimate the poses again"
        )
    unused = _unused_masks(scene)
    if unused is not None:
        yield f"{unused}: no mask is applied, its files have other names than the pictures of scene {scene.name}"
    sizes = np.array(scene.sizes, dtype=np.float64)[:, ::-1]
    off = np.abs(scene.intrinsics[:, 2:] / sizes - 0.5).max(axis=1)
    if (off > _OFF_CENTER).any():
        view = int(off.argmax())
        cx, cy = scene.intrinsics[view, 2:]
        yield (
            f"{scene.files[view]}: the principal point {cx:g}, {cy:g} lies far from the middle of the "
            f"{sizes[view, 0]:.0f}x{sizes[view, 1]:.0f} picture; are the intrinsics those of another size?"
        )
    angles = np.degrees(2 * np.arctan(0.5 * sizes[:, 0] / scene.intrinsics[:, 0]))
    low, high = _FIELD_OF_VIEW
    unusual = (angles < low) | (angles > high)
    if unusual.any():
        view = int(unusual.argmax())
        yield (
            f"{scene.files[view]}: a focal length of {scene.intrinsics[view, 0]:g} pixels is a field of view of "
            f"{angles[view]:.0f} degrees; is it that of another picture size?"
        )


def _unused_masks(scene: ParsedScene) -> Path | None:
    """A folder of masks beside pictures that have none."""
    if scene.masks[0] is not None:
        return None
    pictures = Path(scene.files[0]).parent
    folders = (place / name for place in (pictures, pictures.parent) for name in MASK_FOLDERS)
    return next((folder for folder in folders if is_folder(folder)), None)
