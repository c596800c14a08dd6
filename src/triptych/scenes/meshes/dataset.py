"""A folder of meshes as a posed dataset on the disk."""

import re
import unicodedata
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from jaxtyping import Float

from triptych.errors import InputError
from triptych.geometry import hemisphere_cameras
from triptych.scenes.making import open_for_making
from triptych.scenes.meshes.grouping import Fingerprint, fingerprint, group_copies, split_groups
from triptych.scenes.meshes.loading import Mesh, load_mesh, stand_upright
from triptych.scenes.meshes.reading import SUFFIXES, UnreadableMeshError, find_meshes
from triptych.scenes.meshes.tracing import Tracer
from triptych.scenes.writer import scene_is_written, write_dataset_file, write_scene

VERSION = 1
"""To be raised whenever the same mesh, or its cameras, come out differently."""
MARGIN = 0.02
"""Room left around the meshes in the scene box, as a fraction of each side."""


@dataclass(frozen=True)
class RenderConfig:
    """How a folder of meshes becomes a dataset."""

    resolution: int = 128
    """Side of the square pictures in pixels."""
    views: int = 40
    """Pictures of each mesh, from all around its upper half."""
    samples_per_axis: int = 2
    """Rays along each side of a pixel."""
    seed: int = 0
    """Another seed gives other cameras and another split."""
    extent: float = 1.0
    """Length of the longest side of every mesh's box, in world units."""
    up: Literal["y", "z"] = "y"
    """The meshes' upward axis: y for glTF by its standard, and for most obj files."""
    align_long_axis: bool = True
    """Turn each mesh by a quarter if that lays the longer of its horizontal sides along x. Its front may be
    either way."""
    test_fraction: float = 0.3
    """Share of the scenes for stage 2 (split `test`), met roughly: copies of one mesh stay together."""

    def __post_init__(self) -> None:
        """Refuse values that make no dataset.

        Raises:
            InputError: a value is out of its range.
        """
        for name, lowest, highest in (
            ("resolution", 16, 1024),
            ("views", 2, 1000),
            ("samples_per_axis", 1, 8),
            ("seed", 0, 2**32 - 1),
            ("extent", 0.01, 2.0),
            ("test_fraction", 0.0, 1.0),
        ):
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise InputError(f"meshes: {name} is {value}, expected a number from {lowest} to {highest}")
        if self.up not in ("y", "z"):
            raise InputError(f"meshes: up is {self.up!r}, expected 'y' or 'z'")


def render_meshes(
    source: Path,
    out: Path,
    config: RenderConfig,
    on_scene: Callable[[str, int, int], None],
    on_skip: Callable[[Path, str], None],
) -> None:
    """Draw every mesh in a folder and its subfolders, and write the dataset; run again, it continues.

    A mesh that cannot be read is skipped, and recorded in ``dataset.json`` with its reason. All scenes share
    one box, the union of all meshes' boxes. The split keeps copies of one mesh together, whatever their
    colours.

    Args:
        source: a folder with glb, gltf and obj files; nothing outside it is read.
        out: the dataset's folder.
        config: how to draw and to split.
        on_scene: told the name of each scene that is there, how many are there, and of how many.
        on_skip: told the file and the reason, for each mesh that is skipped.

    Raises:
        InputError: the folder is missing, has no meshes or none that can be read, or ``out`` holds another
            dataset.
        OSError: ``out`` cannot be written.
    """
    surveyed, skipped = _survey(source, config, on_skip)
    # A folder moved as a whole still gives the same dataset, so only its name is recorded.
    made_by = {"generator": "meshes", "version": VERSION, "source": source.resolve().name} | asdict(config)
    with open_for_making(out, made_by):
        for done, scene in enumerate(surveyed, start=1):
            if not scene_is_written(out, scene.name):
                _draw(out, scene, source, config)
            on_scene(scene.name, done, len(surveyed))
        groups = group_copies({scene.name: scene.fingerprint for scene in surveyed})
        splits = split_groups(groups, config.test_fraction, config.seed)
        write_dataset_file(out, _common_box(surveyed), splits, made_by | {"skipped": skipped})


@dataclass(frozen=True)
class _Surveyed:
    name: str
    path: Path
    bounds: Float[np.ndarray, "2 3"]
    fingerprint: Fingerprint


def _survey(
    source: Path, config: RenderConfig, on_skip: Callable[[Path, str], None]
) -> tuple[list[_Surveyed], list[dict[str, str]]]:
    """Read every mesh once, keeping only what decides box and split: thousands would not fit in memory."""
    if not source.is_dir():
        raise InputError(f"{source}: expected a folder of meshes; no such folder")
    paths = find_meshes(source)
    if not paths:
        raise InputError(f"{source}: expected meshes ({', '.join(SUFFIXES)}) in this folder or below; found none")
    surveyed, skipped = [], []
    for path, name in zip(paths, scene_names([path.relative_to(source) for path in paths]), strict=True):
        try:
            mesh = load_mesh(path, source)
        except UnreadableMeshError as error:
            on_skip(path, str(error))
            skipped.append({"file": path.relative_to(source).as_posix(), "reason": str(error)})
            continue
        upright = _upright(mesh, config)
        marks = fingerprint(mesh.vertices, upright.vertices)
        surveyed.append(_Surveyed(name, path, upright.bounds(), marks))
    if not surveyed:
        raise InputError(
            f"{source}: none of its {len(paths)} meshes can be used; "
            f"the first, {skipped[0]['file']}, {skipped[0]['reason']}"
        )
    return surveyed, skipped


def _upright(mesh: Mesh, config: RenderConfig) -> Mesh:
    return stand_upright(mesh, up=config.up, extent=config.extent, align_long_axis=config.align_long_axis)


def _draw(out: Path, scene: _Surveyed, source: Path, config: RenderConfig) -> None:
    # Seeded by the name: a mesh added to the folder later leaves the cameras of all others as they are.
    seed = zlib.crc32(f"{config.seed}/{scene.name}".encode())
    cameras = hemisphere_cameras(config.views, config.resolution, seed)
    tracer = Tracer(_upright(load_mesh(scene.path, source), config))
    write_scene(out, scene.name, cameras, tracer.render(cameras, config.samples_per_axis))


def _common_box(surveyed: Sequence[_Surveyed]) -> list[list[float]]:
    lower = np.min([scene.bounds[0] for scene in surveyed], axis=0)
    upper = np.max([scene.bounds[1] for scene in surveyed], axis=0)
    # The least thickness gives a flat mesh a box that rays can cross.
    room = np.maximum(MARGIN * (upper - lower), 1e-3)
    return [(lower - room).round(6).tolist(), (upper + room).round(6).tolist()]


def scene_names(paths: Sequence[Path]) -> list[str]:
    """A folder name for each mesh, from its path below the input folder.

    The parts are joined by ``-``; letters and digits of any script, ``.``, ``_`` and ``-`` stay, anything
    else becomes ``_``. Names that would coincide, upper and lower case being the same, get ``-2``, ``-3`` and
    so on.

    Args:
        paths: relative paths in sorted order.
    """
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        plain = unicodedata.normalize("NFC", "-".join(path.with_suffix("").parts))
        base = re.sub(r"[^\w.-]+", "_", plain).lstrip(".")
        # File systems allow 255 bytes; the end of a long path tells more than its beginning.
        base = base.encode()[-200:].decode(errors="ignore") or "mesh"
        candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(paths) + 2))
        name = next(name for name in candidates if name.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names
