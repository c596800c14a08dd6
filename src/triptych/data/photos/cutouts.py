"""What is object in a photograph: alpha or a mask that comes with it, or what differs from its background.

In the order in which ``auto`` looks for them:

given        alpha, the ``mask_path`` of a frame, or a folder masks/ beside the pictures
difference   from background.png, a picture of the same place without the object
plain        from the one color that the edges of all pictures show
rembg        a network of the library rembg, if it is installed; what it makes is kept
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8
from PIL import Image, ImageFilter

from triptych.data.backgrounds import Color, are_alike, commonest, edges_of
from triptych.data.evenly import evenly
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.photos.config import MaskKind
from triptych.data.pictures import SUFFIXES, read_rgba
from triptych.errors import InputError
from triptych.files import is_file, write_atomically

Rgba = UInt8[np.ndarray, "height width 4"]
BACKGROUND = "background"
"""The name, without its ending, of a picture of the place without the object."""
_LOOKED_AT = 6
_OPAQUE = 128
_SMALL = 256
_SPECKS = 3
"""Side of the median filter that removes what differs by noise alone."""


@dataclass(frozen=True)
class Cutouts:
    """The pictures of an object with alpha that says where it is.

    Attributes:
        scene: the object's views.
        kind: where the masks come from.
        read: gives the picture of a view with straight alpha.
    """

    scene: ParsedScene
    kind: str
    read: Callable[[int], Rgba]

    def __len__(self) -> int:
        return len(self.scene.files)


def find_cutouts(scene: ParsedScene, folder: Path, masks: MaskKind, threshold: int, kept: Path) -> Cutouts:
    """What cuts the object out of its pictures.

    Args:
        scene: its views.
        folder: its folder.
        masks: what is asked for.
        threshold: see ``PhotosConfig``.
        kept: folder for masks that are made.

    Raises:
        InputError: what is asked for is not there.
    """
    finders: Mapping[str, Callable[[], Cutouts | None]] = {
        "given": lambda: _given(scene),
        "difference": lambda: _difference(scene, folder, threshold),
        "plain": lambda: _plain(scene, threshold),
        "rembg": lambda: _made(scene, kept),
    }
    chosen = list(finders) if masks == "auto" else [masks]
    found = next(filter(None, (finders[kind]() for kind in chosen)), None)
    if found is None:
        raise InputError(f"{folder}: {_ADVICE[masks]}")
    return found


_ADVICE: Mapping[MaskKind, str] = {
    "auto": "nothing says where the object is in its pictures; save PNGs with alpha, add a folder masks/ (white where "
    'the object is), take the pictures before one color, or pip install "triptych[photos]" for masks by rembg',
    "given": "its pictures have no alpha, no mask_path and no folder masks/; add masks (white where the object is)",
    "difference": "background.png is missing: a picture by the same camera without the object",
    "plain": "the edges of its pictures are not of one color; choose other --masks",
    "rembg": 'masks by rembg need it; pip install "triptych[photos]"',
}


def _given(scene: ParsedScene) -> Cutouts | None:
    if not scene.has_alpha or not any(_hides_something(scene, view) for view in _some_views(scene)):
        return None
    return Cutouts(scene, "given", lambda view: _stored(scene, view))


def _hides_something(scene: ParsedScene, view: int) -> bool:
    """Many programs write alpha that is opaque everywhere."""
    return bool(_stored(scene, view)[..., 3].min() < _OPAQUE)


def _some_views(scene: ParsedScene) -> list[int]:
    return evenly(range(len(scene.files)), _LOOKED_AT)


def _stored(scene: ParsedScene, view: int) -> Rgba:
    mask = scene.masks[view]
    return read_rgba(Path(scene.files[view]), None if mask is None else Path(mask))


def _difference(scene: ParsedScene, folder: Path, threshold: int) -> Cutouts | None:
    file = background_file(folder)
    if file is None:
        return None
    behind = read_rgba(file)[..., :3].astype(np.int16)
    odd = next((view for view, size in enumerate(scene.sizes) if size != behind.shape[:2]), None)
    if odd is not None:
        (height, width), (rows, columns) = scene.sizes[odd], behind.shape[:2]
        raise InputError(
            f"{scene.files[odd]}: this picture is {width}x{height}, {file.name} is {columns}x{rows}; "
            "expected pictures of one size"
        )
    return Cutouts(scene, "difference", lambda view: _without(_stored(scene, view), behind, threshold))


def background_file(folder: Path) -> Path | None:
    """The picture of the place without the object, if there is one."""
    named = {file.suffix.lower(): file for file in folder.glob(f"{BACKGROUND}.*") if is_file(file)}
    return next((named[suffix] for suffix in SUFFIXES if suffix in named), None)


def _plain(scene: ParsedScene, threshold: int) -> Cutouts | None:
    colors = [_edge_color(scene, view) for view in _some_views(scene)]
    first = colors[0]
    if first is None or any(color is None or not are_alike(first, color) for color in colors):
        return None
    return Cutouts(scene, "plain", lambda view: _before_own_color(_stored(scene, view), first, threshold))


def _edge_color(scene: ParsedScene, view: int) -> Color | None:
    return commonest(edges_of(_stored(scene, view)[..., :3]))


def _before_own_color(rgba: Rgba, color: Color, threshold: int) -> Rgba:
    # Exposure differs between pictures, and so does the color of what is behind.
    own = commonest(edges_of(rgba[..., :3])) or color
    return _without(rgba, np.array(own, dtype=np.int16), threshold)


def _without(rgba: Rgba, behind: Any, threshold: int) -> Rgba:
    """A picture with alpha where it differs from what is behind the object, and in whatever that encloses."""
    differs = np.abs(rgba[..., :3].astype(np.int16) - behind).max(axis=-1) > threshold
    mask = Image.fromarray(differs.astype(np.uint8) * 255).filter(ImageFilter.MedianFilter(_SPECKS))
    solid = np.asarray(mask) > 0
    alpha = np.where(solid | _enclosed(solid), 255, 0).astype(np.uint8)
    return np.concatenate([rgba[..., :3], alpha[..., None]], axis=-1)


def _enclosed(solid: Bool[np.ndarray, "height width"]) -> Bool[np.ndarray, "height width"]:
    """What the edges of a picture cannot reach without crossing what is solid, at a coarse resolution."""
    height, width = solid.shape
    factor = -(-max(height, width) // _SMALL)
    blocked = np.asarray(Image.fromarray(solid.astype(np.uint8) * 255).reduce(factor)) > 0
    free = np.pad(~blocked, 1, constant_values=True)
    reached = np.zeros_like(free)
    reached[[0, -1], :] = reached[:, [0, -1]] = True
    count = 0
    while count != (count := int(reached.sum())):
        wider = reached.copy()
        wider[1:] |= reached[:-1]
        wider[:-1] |= reached[1:]
        wider[:, 1:] |= wider[:, :-1]
        wider[:, :-1] |= wider[:, 1:]
        reached = wider & free
    inside = ~reached[1:-1, 1:-1] & ~blocked
    return np.kron(inside, np.ones((factor, factor), dtype=bool))[:height, :width]


def _made(scene: ParsedScene, kept: Path) -> Cutouts | None:
    library = _rembg()
    if library is None:
        return None
    session = _session_of(library)
    return Cutouts(scene, "rembg", lambda view: _with_made_mask(Path(scene.files[view]), kept, library, session))


def _rembg() -> ModuleType | None:
    try:
        return import_module("rembg")
    except (ImportError, SystemExit):  # rembg exits where it finds no runtime of its own
        return None


@cache
def _session_of(library: ModuleType) -> Any:
    """Loading the network takes seconds."""
    try:
        return library.new_session()
    except Exception as error:  # whatever its downloader and its runtime raise
        raise InputError(f"rembg cannot load its network ({error}); connect once, or add masks") from None


def _with_made_mask(file: Path, kept: Path, library: ModuleType, session: Any) -> Rgba:
    about = file.stat()
    mark = zlib.crc32(f"{file}/{about.st_size}/{about.st_mtime_ns}".encode())
    mask = kept / f"{file.stem}-{mark:08x}.png"
    if not mask.is_file():
        made = library.remove(Image.fromarray(read_rgba(file)[..., :3]), session=session, only_mask=True)
        write_atomically(mask, lambda opened: made.save(opened, format="PNG"))
    return read_rgba(file, mask)


def with_gain(rgba: Rgba, gain: float) -> Rgba:
    """A picture as a camera that took ``gain`` times less light would have taken it."""
    if gain == 1.0:
        return rgba
    colors: Float[np.ndarray, "height width 3"] = rgba[..., :3] / gain
    return np.concatenate([colors.clip(0, 255).round().astype(np.uint8), rgba[..., 3:]], axis=-1)
