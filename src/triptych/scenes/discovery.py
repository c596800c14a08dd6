"""Which scenes a folder holds, told from what is on the disk, and what its dataset.json declares."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError
from triptych.files import read_json
from triptych.scenes.frames import ParsedScene
from triptych.scenes.making import MAKING_FILE
from triptych.scenes.srn import PARTS, parse_srn
from triptych.scenes.transforms import PATTERN, parse_transforms
from triptych.scenes.validation import Problems, finite_number, shown
from triptych.scenes.writer import DATASET_FILE, FORMAT, VERSION

SceneFormat = Literal["srn", "transforms"]

_PARSERS = {"srn": parse_srn, "transforms": parse_transforms}


@dataclass(frozen=True)
class SceneFolder:
    """One scene's folder and how to read it."""

    name: str
    folder: Path
    format: SceneFormat

    def parse(self, problems: Problems) -> ParsedScene:
        """Read the scene without decoding its pictures.

        Raises:
            InputError: see ``parse_srn`` and ``parse_transforms``.
        """
        return _PARSERS[self.format](self.name, self.folder, problems)


@dataclass(frozen=True)
class DatasetFolder:
    """A folder of scenes.

    Attributes:
        root: the folder, absolute.
        scenes: its scenes, sorted by name.
        notes: what was left aside, one line each.
    """

    root: Path
    scenes: tuple[SceneFolder, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Declaration:
    """What dataset.json says: a box around every scene, and scene names by use. Both may be missing."""

    aabb: Float[np.ndarray, "2 3"] | None = None
    splits: Mapping[str, tuple[str, ...]] | None = None


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
    own_format = _format_of(root)
    if own_format is not None:
        return DatasetFolder(root, (SceneFolder(root.name, root, own_format),), ())
    scenes: list[SceneFolder] = []
    notes: list[str] = []
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        scene_format = None if folder.name.startswith(".") else _format_of(folder)
        if scene_format is not None:
            scenes.append(SceneFolder(folder.name, folder, scene_format))
        else:
            notes.append(f"{folder}: ignored, it is not a scene")
    if not scenes:
        raise InputError(
            f"{path}: no scene found; expected transforms.json, or rgb/ pose/ intrinsics.txt, "
            "in this folder or in its subfolders"
        )
    return DatasetFolder(root, tuple(scenes), tuple(notes))


def parse_scenes(dataset: DatasetFolder, problems: Problems) -> Iterator[ParsedScene]:
    """Read the scenes of a dataset one after the other, without decoding their pictures.

    Raises:
        InputError: a scene cannot be read (unless ``problems`` gathers).
    """
    for scene in dataset.scenes:
        with problems.guard():
            yield scene.parse(problems)


def _format_of(folder: Path) -> SceneFormat | None:
    parts = sum((folder / part).exists() for part in PARTS)
    if parts == len(PARTS):
        return "srn"
    if any(folder.glob(PATTERN)):
        return "transforms"
    # Two parts of three are an SRN scene with something missing, which its parser will name.
    return "srn" if parts == 2 else None


def read_declaration(dataset: DatasetFolder) -> Declaration:
    """Read dataset.json as ``triptych`` writes it; a file of that name from another program declares nothing.

    Raises:
        InputError: the dataset is half made, or a field is not what ``write_dataset_file`` writes, or names a
            scene that is not there.
    """
    file = dataset.root / DATASET_FILE
    if not file.is_file():
        if (dataset.root / MAKING_FILE).is_file():
            raise InputError(f"{dataset.root}: this dataset is half made; run the command that makes it again")
        return Declaration()
    content = read_json(file)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        return Declaration()
    if content.get("version") != VERSION:
        raise InputError(
            f"{file}, version: expected {VERSION}, found {shown(content.get('version'))}; "
            "this dataset was written by another version of triptych"
        )
    names = {scene.name for scene in dataset.scenes}
    return Declaration(_read_aabb(content.get("aabb"), file), _read_splits(content.get("splits"), names, file))


def _read_aabb(value: Any, file: Path) -> Float[np.ndarray, "2 3"]:
    corners = value if isinstance(value, list) else []
    if len(corners) != 2 or not all(isinstance(corner, list) and len(corner) == 3 for corner in corners):
        raise InputError(f"{file}, aabb: expected two corners of three numbers, found {shown(value)}")
    aabb = np.array([[finite_number(entry, f"{file}, aabb") for entry in corner] for corner in corners])
    if not (aabb[0] < aabb[1]).all():
        raise InputError(f"{file}, aabb: expected the lower corner first, found {shown(value)}")
    return aabb


def _read_splits(value: Any, names: set[str], file: Path) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise InputError(f"{file}, splits: expected scene names by use, found {shown(value)}")
    uses: dict[str, str] = {}
    for use, chosen in value.items():
        if not isinstance(chosen, list) or not all(isinstance(name, str) for name in chosen):
            raise InputError(f"{file}, splits, {use}: expected a list of scene names, found {shown(chosen)}")
        for name in chosen:
            if name not in names:
                raise InputError(f"{file}, splits, {use}: there is no scene {name!r}; is the dataset complete?")
            if uses.setdefault(name, use) != use:
                raise InputError(f"{file}, splits: the scene {name!r} is in both {uses[name]!r} and {use!r}")
    return {use: tuple(sorted(chosen)) for use, chosen in value.items()}
