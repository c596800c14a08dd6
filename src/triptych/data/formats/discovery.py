"""Which scenes a folder holds."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from triptych.data.formats.added import AddedFormat, added_formats
from triptych.data.formats.annotations import Annotations
from triptych.data.formats.co3d import parse_co3d, read_frames
from triptych.data.formats.colmap import parse_colmap
from triptych.data.formats.eg3d import parse_eg3d, read_labels
from triptych.data.formats.gobjaverse import parse_gobjaverse
from triptych.data.formats.layouts import (
    NESTED,
    TITLES,
    WITHOUT_INTRINSICS,
    described_format,
    holds_pictures,
    scene_format,
    subfolders,
)
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.nmr import parse_nmr
from triptych.data.formats.openlrm import parse_openlrm
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.formats.srn import parse_srn
from triptych.data.formats.transforms import parse_transforms
from triptych.data.formats.zero123 import parse_zero123
from triptych.data.notes import notes_on_scene
from triptych.data.validation import Problems
from triptych.errors import InputError

_PARSERS: dict[str, Callable[..., ParsedScene]] = {
    "srn": parse_srn,
    "transforms": parse_transforms,
    "zero123": parse_zero123,
    "openlrm": parse_openlrm,
    "nmr": parse_nmr,
    "gobjaverse": parse_gobjaverse,
    "colmap": parse_colmap,
    "eg3d": parse_eg3d,
    "co3d": parse_co3d,
}
_READERS = {"eg3d": read_labels, "co3d": read_frames}
_LISTED = 3
"""How many folders a message names."""
_DEPTH, _BREADTH = 2, 8
"""How many levels below a folder without scenes are searched for some, and how many folders of each level."""


@dataclass(frozen=True)
class SceneFolder:
    """One scene's folder and how to read it.

    Attributes:
        name: the scene's name.
        folder: its folder.
        format: its layout.
        annotations: what a file beside the scenes' folders says of them, in layouts that have one.
        added: the format, where another package adds it.
    """

    name: str
    folder: Path
    format: str
    annotations: Annotations | None = None
    added: AddedFormat | None = None

    @property
    def layout(self) -> str:
        """What people call the layout."""
        if self.added is not None:
            return self.added.layout.title
        is_omniobject3d = self.format == "transforms" and self.folder.name != self.name
        return "OmniObject3D" if is_omniobject3d else TITLES[self.format]

    def parse(self, links: LinkPolicy, problems: Problems, field_of_view: float | None = None) -> ParsedScene:
        """Read the scene without decoding its pictures.

        Args:
            links: where symbolic links may lead.
            problems: raises or gathers the problems of single views.
            field_of_view: horizontal, in degrees, for a layout without intrinsics.

        Raises:
            InputError: see ``parse_srn`` and the other parsers.
        """
        if self.added is not None:
            return self.added.parse(self.name, self.folder, problems, links)
        more: dict[str, Any] = {}
        if self.format in WITHOUT_INTRINSICS:
            more["field_of_view"] = field_of_view
        if self.annotations is not None:
            more["annotations"] = self.annotations
        return _PARSERS[self.format](self.name, self.folder, problems, links, **more)


@dataclass(frozen=True)
class DatasetFolder:
    """A folder of scenes.

    Attributes:
        root: the folder, absolute.
        scenes: its scenes, sorted by name.
        notes: what was ignored, one line each.
    """

    root: Path
    scenes: tuple[SceneFolder, ...]
    notes: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The scenes' names, sorted."""
        return tuple(scene.name for scene in self.scenes)

    @property
    def layouts(self) -> dict[str, int]:
        """The number of scenes in each layout, by what people call it."""
        return dict(Counter(scene.layout for scene in self.scenes))

    def only(self, names: Collection[str]) -> "DatasetFolder":
        """The same folder as if it held these scenes alone."""
        chosen = set(names)
        return replace(self, scenes=tuple(scene for scene in self.scenes if scene.name in chosen))


def find_scenes(path: Path) -> DatasetFolder:
    """Find the scenes in a folder: the folder itself, or each of its subfolders that holds one.

    Raises:
        InputError: there is no such folder, or it holds no scene.
    """
    if not path.exists():
        raise InputError(f"{path}: no such folder")
    if not path.is_dir():
        raise InputError(f"{path}: expected a folder, found a file; give the folder that holds it")
    root = path.resolve()
    own = _scene_at(root)
    if own is not None:
        return DatasetFolder(root, (own,))
    if not os.access(root, os.R_OK | os.X_OK):
        raise InputError(f"{path}: this folder cannot be listed; give yourself the right to read it")
    folders = subfolders(root)
    found = {folder: _scene_at(folder) for folder in folders}
    scenes = tuple(scene for scene in found.values() if scene is not None) or _described_scenes(root, folders)
    if not scenes:
        raise InputError(f"{path}: no scene found; {_advice(root, folders)}")
    kept = {scene.folder for scene in scenes} | {folder for folder, scene in found.items() if scene is not None}
    notes = tuple(f"{folder}: ignored, it is not a scene" for folder in folders if folder not in kept)
    return DatasetFolder(root, scenes, notes)


def parse_scenes(
    dataset: DatasetFolder, links: LinkPolicy, problems: Problems, field_of_view: float | None = None
) -> Iterator[ParsedScene]:
    """Read the scenes of a dataset one after the other, without decoding their pictures.

    Args:
        dataset: the scenes.
        links: where symbolic links may lead.
        problems: raises or gathers.
        field_of_view: horizontal, in degrees, for layouts without intrinsics.

    Raises:
        InputError: a scene cannot be read (unless ``problems`` gathers), or ``field_of_view`` is given though all
            scenes have intrinsics.
    """
    if field_of_view is not None and not any(scene.format in WITHOUT_INTRINSICS for scene in dataset.scenes):
        raise InputError(
            f"field_of_view: the cameras of {dataset.root} ({', '.join(dataset.layouts)}) have focal lengths of their "
            "own; leave it out"
        )
    for scene in dataset.scenes:
        with problems.guard():
            parsed = scene.parse(links, problems, field_of_view)
            for note in notes_on_scene(parsed):
                problems.note(note)
            yield parsed


def _scene_at(folder: Path) -> SceneFolder | None:
    for nested in (None, *NESTED):
        place = folder if nested is None else folder / nested
        found = scene_format(place)
        if found is not None:
            return SceneFolder(folder.name, place, found)
    for format in added_formats():
        if format.holds(folder):
            return SceneFolder(folder.name, folder, str(format), added=format)
    return None


def _described_scenes(root: Path, folders: list[Path]) -> tuple[SceneFolder, ...]:
    """The scenes that a single file describes: the folders with pictures, or the folder itself if it holds some."""
    described = described_format(root)
    if described is None:
        return ()
    name, file = described
    annotations = Annotations(file, _READERS[name])
    places = [place for place in folders if holds_pictures(place)]
    if holds_pictures(root, deeper=False) and (not places or _first_described(file, name) == ""):
        places = [root]
    return tuple(SceneFolder(place.name, place, name, annotations) for place in places)


def _first_described(file: Path, name: str) -> str | None:
    """The scene of the first view that a file describes; None where it cannot be read."""
    try:
        return next((scene for scene, _ in _READERS[name](file)), None)
    except InputError:
        return None


def _advice(root: Path, folders: list[Path]) -> str:
    """What to give instead of a folder that holds no scene."""
    above = next((folder for folder in root.parents[:2] if _scene_at(folder) is not None), None)
    if above is not None:
        return f"it is a part of the scene {above}; give that folder, or the one that holds all scenes"
    described = next((folder for folder in root.parents[:2] if described_format(folder) is not None), None)
    if described is not None:
        return f"it is a part of the dataset {described}; give that folder, and choose with --scenes"
    deeper = _holding_scenes(folders, _DEPTH)
    if deeper:
        listed = ", ".join(str(folder) for folder in deeper[:_LISTED]) + (", ..." if len(deeper) > _LISTED else "")
        return f"folders below it hold scenes; give one of them: {listed}"
    return (
        "expected transforms.json, or rgb/ pose/ intrinsics.txt, or another layout of docs/formats.md, in this folder "
        "or in its subfolders"
    )


def _holding_scenes(folders: list[Path], depth: int) -> list[Path]:
    """Those of some folders that hold scenes, or if there are none, those a few levels further down."""
    found = [folder for folder in folders if _holds_scenes(folder)]
    if found or not depth:
        return found
    return _holding_scenes(
        [below for folder in folders[:_BREADTH] for below in subfolders(folder)[:_BREADTH]], depth - 1
    )


def _holds_scenes(folder: Path) -> bool:
    below = subfolders(folder)
    return any(_scene_at(place) for place in below) or bool(_described_scenes(folder, below))
