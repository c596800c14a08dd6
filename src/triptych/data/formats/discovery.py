"""Which scenes a folder holds."""

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from triptych.data.formats.layouts import SceneFormat, describe_unread, scene_format, subfolders
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.formats.srn import parse_srn
from triptych.data.formats.transforms import parse_transforms
from triptych.data.notes import notes_on_scene
from triptych.data.validation import Problems
from triptych.errors import InputError

_PARSERS = {"srn": parse_srn, "transforms": parse_transforms}
_NESTED = "render"
"""OmniObject3D keeps the renderings of an object one folder further down."""
_LISTED = 3
"""How many folders a message names."""
_DEPTH, _BREADTH = 2, 8
"""How many levels below a folder without scenes are searched for some, and how many folders of each level."""


@dataclass(frozen=True)
class SceneFolder:
    """One scene's folder and how to read it."""

    name: str
    folder: Path
    format: SceneFormat

    def parse(self, links: LinkPolicy, problems: Problems) -> ParsedScene:
        """Read the scene without decoding its pictures.

        Raises:
            InputError: see ``parse_srn`` and ``parse_transforms``.
        """
        return _PARSERS[self.format](self.name, self.folder, problems, links)


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
    scenes = tuple(scene for scene in found.values() if scene is not None)
    if not scenes:
        raise InputError(f"{path}: no scene found; {_advice(root, folders)}")
    notes = tuple(
        f"{folder}: ignored, it is {describe_unread(folder) or 'not a scene'}"
        for folder, scene in found.items()
        if scene is None
    )
    return DatasetFolder(root, scenes, notes)


def parse_scenes(dataset: DatasetFolder, links: LinkPolicy, problems: Problems) -> Iterator[ParsedScene]:
    """Read the scenes of a dataset one after the other, without decoding their pictures.

    Raises:
        InputError: a scene cannot be read (unless ``problems`` gathers).
    """
    for scene in dataset.scenes:
        with problems.guard():
            parsed = scene.parse(links, problems)
            for note in notes_on_scene(parsed):
                problems.note(note)
            yield parsed


def _scene_at(folder: Path) -> SceneFolder | None:
    for place in (folder, folder / _NESTED):
        found = scene_format(place)
        if found is not None:
            return SceneFolder(folder.name, place, found)
    return None


def _advice(root: Path, folders: list[Path]) -> str:
    """What to give instead of a folder that holds no scene."""
    above = next((folder for folder in root.parents[:2] if _scene_at(folder) is not None), None)
    if above is not None:
        return f"it is a part of the scene {above}; give that folder, or the one that holds all scenes"
    unread = next((what for folder in (root, *folders) if (what := describe_unread(folder))), None)
    if unread is not None:
        return f"it holds {unread}"
    deeper = _holding_scenes(folders, _DEPTH)
    if deeper:
        listed = ", ".join(str(folder) for folder in deeper[:_LISTED]) + (", ..." if len(deeper) > _LISTED else "")
        return f"folders below it hold scenes; give one of them: {listed}"
    return "expected transforms.json, or rgb/ pose/ intrinsics.txt, in this folder or in its subfolders"


def _holding_scenes(folders: list[Path], depth: int) -> list[Path]:
    """Those of some folders that hold scenes, or if there are none, those a few levels further down."""
    found = [folder for folder in folders if any(_scene_at(below) for below in subfolders(folder))]
    if found or not depth:
        return found
    return _holding_scenes(
        [below for folder in folders[:_BREADTH] for below in subfolders(folder)[:_BREADTH]], depth - 1
    )
