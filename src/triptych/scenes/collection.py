"""Several posed scenes behind one interface, whatever their format on the disk and however many they are."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from tyro.conf import Positional

from triptych.errors import InputError
from triptych.geometry import Cameras
from triptych.options import Options, Range
from triptych.scenes.box import check_box_is_seen, scene_box
from triptych.scenes.cache import Progress, build_entry, cache_key, default_cache, load_index, map_pictures
from triptych.scenes.checked_pictures import CheckedPictures
from triptych.scenes.discovery import find_scenes, parse_scenes, read_declaration
from triptych.scenes.index import TEST, UNDECLARED, SceneIndex, index_scenes
from triptych.scenes.splits import TestRule, ViewSplit, split_as_declared, split_by_rule
from triptych.scenes.validation import Problems


@dataclass(frozen=True)
class DatasetConfig(Options):
    """A dataset of posed pictures and how to use it."""

    path: Positional[Path]
    """Folder of the dataset: one scene, or one subfolder a scene (SRN layout or transforms.json)."""
    scenes: str | None = None
    """Which scenes: "train", "test", "all", a range such as "0:36", or names separated by commas. The command
    chooses when not given."""
    test_views: Annotated[int, Range(0, 100_000)] = 8
    """Views held out of each scene for testing, where the dataset does not say which."""
    test_rule: TestRule = "spread"
    """Hold out views evenly through the sorted views, or the first ones (with 10: the published protocol)."""
    above_ground: bool = False
    """Drop the cameras below the ground, z < 0 (the published SRN protocol)."""
    half_extent: Annotated[float, Range(1e-6, 1_000_000)] | None = None
    """Half the side of the scene box around the origin, in world units. By default what the dataset declares,
    else 0.55 for the SRN layout and 1.5 for transforms.json."""
    resolution: Annotated[int, Range(1, 16_384)] | None = None
    """Box-downscale the pictures to this width in pixels, which must divide theirs."""
    cache: Path | None = None
    """Folder for the decoded pictures. By default ``triptych`` in the user's cache folder."""


@dataclass(frozen=True)
class SceneCollection:
    """Several posed scenes at one resolution, their pictures on the disk. Made by ``open_collection``.

    Attributes:
        names: scene names, sorted.
        fingerprints: SHA-256 of each scene's content, equal for the same scene under another name.
        declared_splits: scene names by use (``train``, ``test``) as dataset.json has them, or nothing.
        aabb: lower and upper corner of the box around every scene, in world units.
        height: picture height in pixels.
        width: picture width in pixels.
    """

    names: tuple[str, ...]
    fingerprints: tuple[str, ...]
    declared_splits: Mapping[str, tuple[str, ...]]
    aabb: Float[Tensor, "2 3"]
    height: int
    width: int
    _rows: tuple[Int[np.ndarray, "_"], ...]  # each scene has its own number of views
    _splits: tuple[ViewSplit, ...]
    _index: SceneIndex
    _pictures: UInt8[np.ndarray, "row height width 3"] | CheckedPictures

    def __len__(self) -> int:
        return len(self.names)

    def cameras(self, scene: int) -> Cameras:
        """The cameras of all views of a scene."""
        return self._index.cameras(self._rows[scene])

    def images(self, scene: int, views: Sequence[int]) -> UInt8[np.ndarray, "view height width 3"]:
        """The chosen pictures of a scene over white, read from the disk in the order given."""
        return np.array(self._pictures[self._rows[scene][list(views)]])

    def views(self, scene: int) -> ViewSplit:
        """Which views of a scene are for fitting, and which are never seen."""
        return self._splits[scene]

    def view_numbers(self, scene: int) -> tuple[int, ...]:
        """The place of each view of a scene in the sorted list of all views that the dataset holds of it.

        Rules such as ``above_ground`` leave views out of a collection but not out of that list, and the scene's
        fingerprint covers it: such a number names a view for good, whatever options the dataset is opened with.
        """
        rows = self._rows[scene]
        first = self._index.starts[np.searchsorted(self._index.starts, rows[0], side="right") - 1]
        return tuple((rows - first).tolist())

    def is_blank(self, scene: int) -> bool:
        """Whether every view of a scene shows nothing but one colour, as a few renderings of public datasets do."""
        pictures = (self._pictures[row] for row in self._rows[scene])
        return all(bool((picture == picture[:1, :1]).all()) for picture in pictures)

    def subset(self, scenes: Sequence[int]) -> "SceneCollection":
        """The chosen scenes, sorted by name, without copying pictures."""
        order = sorted(set(scenes), key=lambda scene: self.names[scene])
        names = tuple(self.names[scene] for scene in order)
        return replace(
            self,
            names=names,
            fingerprints=tuple(self.fingerprints[scene] for scene in order),
            declared_splits={
                use: tuple(name for name in chosen if name in set(names))
                for use, chosen in self.declared_splits.items()
            },
            _rows=tuple(self._rows[scene] for scene in order),
            _splits=tuple(self._splits[scene] for scene in order),
        )


def open_collection(config: DatasetConfig, progress: Progress | None = None) -> SceneCollection:
    """Open all scenes of a dataset (``config.scenes`` is for ``select_scenes``).

    The first time, every file is checked, then all pictures are decoded into the cache; later calls only look
    whether a file has changed.

    Args:
        config: which dataset.
        progress: called after each picture decoded, with the number done and the number of all.

    Raises:
        InputError: the dataset cannot be used; nothing is left in the cache.
    """
    check_config(config)
    dataset = find_scenes(config.path)
    declaration = read_declaration(dataset)
    entry = (config.cache or default_cache()).expanduser() / cache_key(dataset, config.resolution)
    index, parsed = load_index(entry), None
    if index is None:
        parsed = list(parse_scenes(dataset, Problems()))
        index = index_scenes(parsed, config.resolution)
    rows = [kept_rows(index, scene, config) for scene in range(len(index.names))]
    splits = [split_views(index, scene, kept, config) for scene, kept in enumerate(rows)]
    aabb = scene_box(config.half_extent, dataset, declaration)
    check_box_is_seen(index, np.concatenate(rows), aabb, Problems())
    if parsed is not None:
        build_entry(entry, index, parsed, progress)
    return SceneCollection(
        names=index.names,
        fingerprints=index.fingerprints,
        declared_splits=dict(declaration.splits or {}),
        aabb=aabb,
        height=index.height,
        width=index.width,
        _rows=tuple(rows),
        _splits=tuple(splits),
        _index=index,
        _pictures=map_pictures(entry, index),
    )


def check_config(config: DatasetConfig) -> None:
    """Refuse options out of range.

    Raises:
        InputError: one is.
    """
    if config.test_views < 0:
        raise InputError(f"test_views: expected 0 or more, found {config.test_views}")
    if config.half_extent is not None and not 0 < config.half_extent < math.inf:
        raise InputError(f"half_extent: expected a positive number, found {config.half_extent}")


def kept_rows(index: SceneIndex, scene: int, config: DatasetConfig) -> Int[np.ndarray, " view"]:
    """The rows of a scene's views, without those that ``above_ground`` drops.

    Raises:
        InputError: fewer than two remain.
    """
    rows = index.rows(scene)
    if not config.above_ground:
        return rows
    kept = rows[index.c2w[rows, 2, 3] >= 0]
    if len(kept) < 2:
        raise InputError(
            f"{config.path}, {index.names[scene]}: {len(kept)} camera(s) above the ground z = 0, at least "
            "two are needed; leave above_ground off, or turn the scene so that z is up"
        )
    return kept


def split_views(index: SceneIndex, scene: int, rows: Int[np.ndarray, " view"], config: DatasetConfig) -> ViewSplit:
    """The scene's own split where it declares one, else one by ``test_rule``.

    Raises:
        InputError: no view would remain for training.
    """
    where = f"{config.path}, {index.names[scene]}"
    uses = index.uses[rows]
    if (uses == UNDECLARED).all():
        return split_by_rule(len(rows), config.test_views, config.test_rule, where)
    return split_as_declared(uses == TEST, where)
