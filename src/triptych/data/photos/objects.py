"""Which objects a folder of photographs holds, each with its cameras."""

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from triptych.data.formats.discovery import SceneFolder, find_scenes
from triptych.data.formats.layouts import holds_pictures, subfolders
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.validation import Problems
from triptych.errors import InputError
from triptych.files import is_clutter

IMAGES = "images"
"""Where the pictures of an object may lie in its folder."""

NO_CAMERAS = (
    "no cameras: expected the results of COLMAP (sparse/0/cameras.bin and images.bin) or a transforms.json beside its "
    "pictures"
)

_UNREAD = ("heic", "heif", "avif", "webp", "tif", "tiff", "bmp", "dng")
"""Endings of pictures that cameras and phones write and that are not read."""


@dataclass(frozen=True)
class PhotoObject:
    """One object before any of its pictures is decoded.

    Attributes:
        name: the object's name, which its scene gets.
        folder: its folder.
        parse: reads its views.
        is_turntable: whether its cameras follow from turning angles.
    """

    name: str
    folder: Path
    parse: Callable[[], ParsedScene]
    is_turntable: bool = False


def find_objects(source: Path, links: LinkPolicy, out: Path) -> Iterator[PhotoObject]:
    """The objects in a folder: the folder itself, or each of its subfolders with pictures.

    Args:
        source: the folder.
        links: where symbolic links may lead.
        out: folder of the dataset, which is no object wherever it lies.

    Raises:
        InputError: there are none.
    """
    folders = [folder for folder in subfolders(source) if folder.resolve() != out.resolve()]
    lacking = {folder.resolve(): folder for folder in folders if holds_pictures(folder) or unread_in(folder)}
    try:
        scenes = find_scenes(source).scenes
    except InputError:
        if not lacking:
            raise
        scenes = ()
    for scene in scenes:
        # OmniObject3D's scenes lie one folder further down.
        for place in (scene.folder, *scene.folder.parents):
            lacking.pop(place.resolve(), None)
        if scene.folder != out.resolve():
            yield PhotoObject(scene.name, scene.folder, _parser(scene, links))
    if not any(scene.folder == source.resolve() for scene in scenes):
        for folder in lacking.values():
            yield PhotoObject(folder.name, folder, _refusal(folder))


def _parser(scene: SceneFolder, links: LinkPolicy) -> Callable[[], ParsedScene]:
    return lambda: scene.parse(links, Problems())


def unread_in(folder: Path) -> str | None:
    """What is to be said of pictures in a folder of an object, or in its images/, that are not read; None where there
    are none."""
    for place in (folder, folder / IMAGES):
        try:
            endings = {file.suffix[1:].lower() for file in place.iterdir() if not is_clutter(file.name)}
        except OSError:
            continue
        kind = next((ending for ending in _UNREAD if ending in endings), None)
        if kind is not None:
            return f"{kind.upper()} pictures are not read; make JPEG or PNG files of them"
    return None


def _refusal(folder: Path) -> Callable[[], ParsedScene]:
    reason = NO_CAMERAS if holds_pictures(folder) else unread_in(folder)

    def refuse() -> ParsedScene:
        raise InputError(f"{folder}: {reason}")

    return refuse


def digest_of(scene: ParsedScene) -> str:
    """A text that differs where pictures, masks or cameras do; pictures are told by their sizes and times of change."""
    files = [file for file in (*scene.files, *scene.masks) if file is not None]
    stamps = [(Path(file).name, about.st_size, about.st_mtime_ns) for file in files for about in [Path(file).stat()]]
    lenses = repr((stamps, scene.distortions)).encode()
    return f"{zlib.crc32(lenses):08x}{zlib.crc32(scene.c2w.tobytes() + scene.intrinsics.tobytes()):08x}"
