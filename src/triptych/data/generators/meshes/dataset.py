"""A folder of meshes as a posed dataset on the disk."""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np
from jaxtyping import Float
from PIL import Image

from triptych.data.formats.writer import DATASET_FILE, scene_is_written, write_dataset_file, write_scene
from triptych.data.generators.meshes.config import RenderConfig
from triptych.data.generators.meshes.folder import SUFFIXES, MeshFolder
from triptych.data.generators.meshes.framing import Frame, touches_edge
from triptych.data.generators.meshes.grouping import Fingerprint, fingerprint, group_copies, split_groups
from triptych.data.generators.meshes.loading import load_mesh
from triptych.data.generators.meshes.mesh import Mesh
from triptych.data.generators.meshes.names import scene_names
from triptych.data.generators.meshes.problems import UnreadableMeshError
from triptych.data.generators.meshes.report import Report
from triptych.data.generators.meshes.standing import Turns, choose_turns, horizontal_sides, resize, set_upright, turn
from triptych.data.generators.meshes.tracing import Tracer
from triptych.data.generators.resumable import MAKING_FILE, open_for_making
from triptych.errors import InputError
from triptych.geometry import hemisphere_cameras

VERSION = 2
"""To be raised whenever the same mesh, or its cameras, come out differently."""
MARGIN = 0.02
"""Room left around the meshes in the scene box, as a fraction of each side."""


def render_meshes(
    source: Path,
    out: Path,
    config: RenderConfig,
    on_scene: Callable[[str, int, int], None],
    on_skip: Callable[[Path, str], None],
    on_note: Callable[[str], None] = lambda line: None,
) -> None:
    """Draw every mesh in a folder and its subfolders, and write the dataset; run again, it continues.

    A mesh that cannot be read is skipped. ``dataset.json`` records what became of each mesh: drawn whole, drawn
    without something that its file asks for, or skipped, with the reasons. All scenes share one box, the union
    of all meshes' boxes. The split keeps copies of one mesh together, whatever their colors.

    Args:
        source: a folder with glb, gltf and obj files; nothing outside it is read.
        out: the dataset's folder.
        config: how to draw and to split.
        on_scene: called for each scene that is there, with its name, how many are there, and how many there will be.
        on_skip: called for each mesh that is skipped, with the file and the reason.
        on_note: called at the end with each line of the report.

    Raises:
        InputError: the folder is missing, has no meshes or none that can be read, or ``out`` holds another
            dataset.
        OSError: ``out`` cannot be written.
    """
    report = Report()
    folder = MeshFolder(source, follow_links=config.follow_links)
    surveyed = _survey(folder, config, report, on_skip)
    turns = _decide(out, surveyed, config, report)
    # A folder moved as a whole still gives the same dataset, so only its name is recorded.
    made_by = {"generator": "meshes", "version": VERSION, "source": source.resolve().name} | asdict(config)
    made_by |= {"turns": turns}
    with open_for_making(out, made_by):
        for done, scene in enumerate(surveyed, start=1):
            if not scene_is_written(out, scene.name):
                _draw(out, scene, folder, turns, config)
            report.cut[scene.name] = _cut_views(out / scene.name)
            on_scene(scene.name, done, len(surveyed))
        groups = group_copies({scene.name: scene.fingerprint for scene in surveyed})
        splits = split_groups(groups, config.test_fraction, config.seed)
        write_dataset_file(out, _common_box(surveyed, turns), splits, made_by | report.record())
    for line in report.lines():
        on_note(line)


@dataclass(frozen=True)
class _Surveyed:
    """What is kept of a mesh until it is drawn; size and bounds are those before any quarter turn."""

    name: str
    path: Path
    sides: tuple[float, float]
    bounds: Float[np.ndarray, "2 3"]
    fingerprint: Fingerprint


def _survey(
    folder: MeshFolder, config: RenderConfig, report: Report, on_skip: Callable[[Path, str], None]
) -> list[_Surveyed]:
    """Read every mesh once, keeping only what decides box, turns and split: thousands would not fit in memory."""
    if not folder.root.is_dir():
        raise InputError(f"{folder.given}: expected a folder of meshes; no such folder")
    paths, refused = folder.meshes()
    if not paths and not refused:
        raise InputError(f"{folder.given}: expected meshes ({', '.join(SUFFIXES)}) in this folder or below; found none")

    def skip(path: Path, reason: str) -> None:
        file = _file_name(path, folder)
        on_skip(folder.given / file, reason)
        report.skipped.append({"file": file, "reason": reason})

    surveyed = []
    for path, name in zip(paths, scene_names([path.relative_to(folder.root) for path in paths]), strict=True):
        try:
            mesh = load_mesh(path, folder)
        except UnreadableMeshError as error:
            skip(path, str(error))
            continue
        report.drawn[name] = _file_name(path, folder)
        report.without[name] = mesh.without
        surveyed.append(_measured(name, path, mesh, config))
    for path, reason in refused:
        skip(path, reason)
    if not surveyed:
        raise InputError(
            f"{folder.given}: none of its {len(report.skipped)} meshes can be used; "
            f"the first, {report.skipped[0]['file']}, {report.skipped[0]['reason']}"
        )
    return surveyed


def _measured(name: str, path: Path, mesh: Mesh, config: RenderConfig) -> _Surveyed:
    upright = _sized(set_upright(mesh, config.up), config)
    # Copies stand in any direction: they are compared with their longer sides along x.
    marks = fingerprint(mesh.vertices, turn(upright, "each").vertices)
    return _Surveyed(name, path, horizontal_sides(upright), upright.bounds(), marks)


def _sized(mesh: Mesh, config: RenderConfig) -> Mesh:
    frame = Frame(config.distance, config.focal, config.resolution)
    return resize(mesh, config.extent, fit=frame if config.fit else None)


def _decide(out: Path, surveyed: Sequence[_Surveyed], config: RenderConfig, report: Report) -> Turns:
    """The turns of the set; scenes that an earlier run has drawn keep theirs when the set grows."""
    orientation = choose_turns([scene.sides for scene in surveyed], config.orient)
    earlier = _earlier_turns(out)
    report.orientation = orientation.reason
    if earlier is not None and earlier != orientation.turns:
        report.orientation = f"turns: {earlier}, as decided when this dataset was begun"
    return earlier or orientation.turns


def _earlier_turns(out: Path) -> Turns | None:
    for file in (out / DATASET_FILE, out / MAKING_FILE):
        try:
            turns = json.loads(file.read_bytes())["made_by"]["turns"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # nothing there, or nothing of ours: ``open_for_making`` says what is wrong
        return next((known for known in get_args(Turns) if known == turns), None)
    return None


def _draw(out: Path, scene: _Surveyed, folder: MeshFolder, turns: Turns, config: RenderConfig) -> None:
    # Seeded by the name: a mesh added to the folder later leaves the cameras of all others as they are.
    seed = zlib.crc32(f"{config.seed}/{scene.name}".encode())
    cameras = hemisphere_cameras(config.views, config.resolution, seed, radius=config.distance, focal=config.focal)
    mesh = turn(_sized(set_upright(load_mesh(scene.path, folder), config.up), config), turns)
    write_scene(out, scene.name, cameras, Tracer(mesh).render(cameras, config.samples_per_axis))


def _cut_views(scene: Path) -> int:
    """In how many of its pictures, as they stand on the disk, a scene reaches the edge."""
    return sum(
        bool(touches_edge(np.asarray(Image.open(picture))[None])[0])
        for picture in sorted((scene / "rgba").glob("*.png"))
    )


def _common_box(surveyed: Sequence[_Surveyed], turns: Turns) -> list[list[float]]:
    bounds = np.stack([_turned_bounds(scene, turns) for scene in surveyed])
    lower, upper = bounds[:, 0].min(axis=0), bounds[:, 1].max(axis=0)
    # The least thickness gives a flat mesh a box that rays can cross.
    room = np.maximum(MARGIN * (upper - lower), 1e-3)
    return [(lower - room).round(6).tolist(), (upper + room).round(6).tolist()]


def _turned_bounds(scene: _Surveyed, turns: Turns) -> np.ndarray:
    """Boxes are centered, so a quarter turn only swaps two of their sides."""
    x, y = scene.sides
    swapped = turns == "all" or (turns == "each" and y > x)
    return scene.bounds[:, [1, 0, 2]] if swapped else scene.bounds


def _file_name(path: Path, folder: MeshFolder) -> str:
    return path.relative_to(folder.root).as_posix()
