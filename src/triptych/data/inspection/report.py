"""Inspecting a dataset before it is used: problems file by file, its numbers, its cameras, its pictures."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from PIL import Image
from torch import Tensor

from triptych.data.backgrounds import Color, commonest, edges_of, parse_color
from triptych.data.box import check_box_is_seen, note_cameras_inside, scene_box
from triptych.data.config import DatasetConfig
from triptych.data.dataset import check_config, find_chosen
from triptych.data.decoding import OnPicture, decode_pictures
from triptych.data.formats.discovery import parse_scenes
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.index import SceneIndex, check_sizes, commonest_size, index_scenes
from triptych.data.inspection.camera_plot import write_camera_plot
from triptych.data.inspection.contact_sheet import choose_views, label_views, shrink_to_tile, write_tiles
from triptych.data.kept_views import kept_rows, split_views
from triptych.data.notes import background_note, blank_note, few_views_note
from triptych.data.pictures import is_one_color
from triptych.data.splits import ViewSplit
from triptych.data.validation import Problems
from triptych.files import write_json

Range = tuple[float, float]
"""Smallest and largest value."""


@dataclass(frozen=True)
class CameraNumbers:
    """What the views of a dataset measure.

    Attributes:
        height: picture height in pixels, after any downscaling.
        width: picture width in pixels, after any downscaling.
        fx: focal length in pixels along x.
        fy: focal length in pixels along y.
        cx: principal point in pixels along x.
        cy: principal point in pixels along y.
        distance: from the center of the scene box to the cameras, in world units.
        elevation_degrees: of the cameras above the horizontal plane through the center of the scene box.
    """

    height: int
    width: int
    fx: Range
    fy: Range
    cx: Range
    cy: Range
    distance: Range
    elevation_degrees: Range


@dataclass(frozen=True)
class InspectionReport:
    """What ``inspect_dataset`` found. ``report.json`` holds the same.

    Attributes:
        path: the dataset's folder.
        scenes: number of scenes found, of those chosen.
        layouts: how many of them are in each layout.
        views: number of views that can be read and are kept.
        train_views: how many of them are for fitting.
        test_views: how many of them are never seen.
        aabb: lower and upper corner of the scene box.
        splits: number of scenes by declared use.
        fitted_per_scene: the fewest views for fitting that a scene has, and the most; None without scenes.
        cameras: resolution, intrinsics and positions of these views, if there are any.
        notes: what was ignored or may be wrong, one line each.
        problems: what makes the dataset unusable, one line each, every file on its own.
    """

    path: str
    scenes: int
    layouts: dict[str, int]
    views: int
    train_views: int
    test_views: int
    aabb: list[list[float]]
    splits: dict[str, int]
    fitted_per_scene: tuple[int, int] | None
    cameras: CameraNumbers | None
    notes: tuple[str, ...]
    problems: tuple[str, ...]


def inspect_dataset(config: DatasetConfig, out: Path, progress: OnPicture | None = None) -> InspectionReport:
    """Check every file of a dataset, its pictures included, without stopping at the first problem.

    Writes ``report.json``, and ``cameras.png`` and ``contact_sheet.png`` of what can be read. Caches nothing.

    Args:
        config: which dataset, and how it is to be used.
        out: folder for the results.
        progress: called after each picture decoded, with the number done and the number of all.

    Raises:
        InputError: there is no such folder, it holds no scene, or an option of ``config`` is out of range.
    """
    check_config(config)
    problems = Problems(gather=True)
    folder, declaration = find_chosen(config, "all", problems)
    links = LinkPolicy(folder.root, config.follow_links)
    scenes = list(parse_scenes(folder, links, problems, config.field_of_view))
    color = parse_color(config.background, "background")
    _write_pictures(scenes, color, problems, progress, out / "contact_sheet.png")
    index = _index_of_one_size(scenes, config.resolution, problems)
    aabb = scene_box(config.half_extent, folder, declaration, index)
    rows, is_test, splits = _split_all(index, config, problems)
    numbers = None
    if index is not None and len(rows):
        check_box_is_seen(index, rows, aabb, problems)
        note_cameras_inside(index, rows, aabb, problems)
        write_camera_plot(index.cameras(rows), is_test, aabb.double().numpy(), out / "cameras.png")
        numbers = _measure(index, rows, aabb)
    report = InspectionReport(
        path=str(folder.root),
        scenes=len(folder.scenes),
        layouts=folder.layouts,
        views=len(rows),
        train_views=int((~is_test).sum()),
        test_views=int(is_test.sum()),
        aabb=[[round(entry, 6) for entry in corner] for corner in aabb.tolist()],
        splits={use: len(names) for use, names in (declaration.splits or {}).items()},
        fitted_per_scene=_ends([len(split.train) for split in splits]),
        cameras=numbers,
        notes=(*folder.notes, *problems.notes),
        problems=tuple(problems.messages),
    )
    write_json(out / "report.json", asdict(report))
    return report


def _write_pictures(
    scenes: Sequence[ParsedScene], color: Color, problems: Problems, progress: OnPicture | None, file: Path
) -> None:
    """Decode every picture, note what all show, keep the few that the contact sheet shows, and write it."""
    every = [(scene, view) for scene, parsed in enumerate(scenes) for view in range(len(parsed.files))]
    chosen = set(choose_views([len(scene.files) for scene in scenes])) if scenes else set()
    tiles: dict[tuple[int, int], Image.Image] = {}
    blank = dict.fromkeys(range(len(scenes)), True)
    edges: dict[int, UInt8[np.ndarray, "pixel 3"]] = {}
    with closing(decode_pictures(scenes, 1, color)) as pictures:
        for done, (place, picture) in enumerate(zip(every, pictures, strict=True), start=1):
            with problems.guard():
                pixels = picture.result()
                blank[place[0]] = blank[place[0]] and is_one_color(pixels)
                if not scenes[place[0]].has_alpha:
                    edges.setdefault(place[0], edges_of(pixels))
                if place in chosen:
                    tiles[place] = shrink_to_tile(pixels)
            if progress is not None:
                progress(done, len(every))
    found = commonest(np.concatenate(list(edges.values()))) if edges else None
    note = background_note(len(edges), len(scenes), found, color)
    if note is not None:
        problems.note(note)
    for scene in (scene for scene in blank if blank[scene]):
        problems.note(blank_note(scenes[scene].name))
    if tiles:
        labels = label_views([scene.name for scene in scenes], list(tiles))
        write_tiles(list(tiles.values()), labels, file)


def _index_of_one_size(scenes: Sequence[ParsedScene], resolution: int | None, problems: Problems) -> SceneIndex | None:
    """The index of those scenes whose pictures have the size of most."""
    if not scenes:
        return None
    expected = commonest_size(scenes)
    for scene in scenes:
        check_sizes(scene, expected, problems)
    whole = [scene for scene in scenes if set(scene.sizes) == {expected}]
    with problems.guard():
        return index_scenes(whole, resolution) if whole else None
    return None


def _split_all(
    index: SceneIndex | None, config: DatasetConfig, problems: Problems
) -> tuple[Int[np.ndarray, " view"], Bool[np.ndarray, " view"], list[ViewSplit]]:
    """The rows of all views that are kept, which of them are held out, and the same by scene."""
    rows, is_test = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=bool)]
    splits: dict[str, ViewSplit] = {}
    for scene, name in enumerate(index.names if index is not None else ()):
        assert index is not None
        with problems.guard():
            kept = kept_rows(index, scene, config)
            splits[name] = split_views(index, scene, kept, config)
            rows.append(kept)
            is_test.append(np.isin(np.arange(len(kept)), splits[name].test))
    few_views = few_views_note(list(splits), list(splits.values()))
    if few_views is not None:
        problems.note(few_views)
    return np.concatenate(rows), np.concatenate(is_test), list(splits.values())


def _measure(index: SceneIndex, rows: Int[np.ndarray, " view"], aabb: Float[Tensor, "2 3"]) -> CameraNumbers:
    cameras = index.cameras(rows)
    offset = cameras.c2w[:, :, 3].double() - aabb.double().mean(dim=0)
    distance = offset.norm(dim=-1)
    elevation = torch.rad2deg(torch.atan2(offset[:, 2], offset[:, :2].norm(dim=-1)))
    fx, fy, cx, cy = (_range(column) for column in cameras.intrinsics.unbind(1))
    return CameraNumbers(
        index.height,
        index.width,
        fx,
        fy,
        cx,
        cy,
        distance=_range(distance),
        elevation_degrees=_range(elevation),
    )


def _range(values: Float[Tensor, " view"]) -> Range:
    return float(values.min()), float(values.max())


def _ends(counts: Sequence[int]) -> tuple[int, int] | None:
    return (min(counts), max(counts)) if counts else None
