"""A dataset: posed scenes behind one interface, whatever their format and number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data.backgrounds import WHITE, Color, background_of, parse_color
from triptych.data.box import check_box_is_seen, note_cameras_inside, scene_box
from triptych.data.cache.checked_pictures import CheckedPictures
from triptych.data.cache.entry import build_entry, cache_key, default_cache, open_entry
from triptych.data.config import DatasetConfig
from triptych.data.decoding import OnPicture
from triptych.data.formats.declaration import Declaration, check_complete, read_declaration
from triptych.data.formats.discovery import DatasetFolder, find_scenes, parse_scenes
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.index import SceneIndex, SceneRows, digest_of, index_scenes
from triptych.data.inspection.contact_sheet import contact_sheet
from triptych.data.kept_views import rows_of_all, split_views
from triptych.data.notes import few_views_note
from triptych.data.pictures import is_one_color
from triptych.data.scene_names import choose_names
from triptych.data.splits import ViewSplit
from triptych.data.stacked_pictures import StackedPictures
from triptych.data.validation import LARGEST, Problems
from triptych.errors import InputError
from triptych.geometry import Cameras
from triptych.text import first_and_last, span


@dataclass(frozen=True)
class Dataset:
    """Several posed scenes at one resolution, their pictures on the disk. Made by ``open_dataset``.

    Attributes:
        names: scene names, sorted.
        fingerprints: SHA-256 of each scene's content, equal for the same scene under another name.
        declared_splits: scene names by use (``train``, ``test``) as dataset.json has them, or nothing.
        aabb: lower and upper corner of the box around every scene, in world units.
        height: picture height in pixels.
        width: picture width in pixels.
        notes: what may be wrong with the dataset, one line each.
        source: the dataset and the options it was opened with; None for pictures that were in memory already.
        laid_over: what pictures with alpha are laid over.
    """

    names: tuple[str, ...]
    fingerprints: tuple[str, ...]
    declared_splits: Mapping[str, tuple[str, ...]]
    aabb: Float[Tensor, "2 3"]
    height: int
    width: int
    _rows: SceneRows
    _splits: tuple[ViewSplit, ...]
    _index: SceneIndex
    _pictures: StackedPictures | CheckedPictures
    notes: tuple[str, ...] = ()
    source: DatasetConfig | None = None
    laid_over: Color = WHITE

    def __len__(self) -> int:
        return len(self.names)

    @property
    def picture_size(self) -> tuple[int, int]:
        """Height and width of the pictures in pixels."""
        return self.height, self.width

    def cameras(self, scene: int) -> Cameras:
        """The cameras of all views of a scene."""
        return self._index.cameras(self._rows[scene])

    def images(self, scene: int, views: Sequence[int]) -> UInt8[np.ndarray, "view height width 3"]:
        """The chosen pictures of a scene, alpha over ``laid_over``, read from the disk in the order given."""
        return np.ascontiguousarray(self.with_alpha(scene, views)[..., :3])

    def alpha(self, scene: int, views: Sequence[int]) -> UInt8[np.ndarray, "view height width"] | None:
        """How opaque the pixels of these pictures are, from 0 to 255; None for a scene whose pictures do not say it."""
        if not self.has_alpha(scene):
            return None
        return np.ascontiguousarray(self.with_alpha(scene, views)[..., 3])

    def has_alpha(self, scene: int) -> bool:
        """Whether the pictures of a scene say how opaque their pixels are."""
        return bool(self._index.has_alpha[self._number(scene)])

    def with_alpha(self, scene: int, views: Sequence[int]) -> UInt8[np.ndarray, "view height width channel"]:
        """``images`` and ``alpha`` as they are kept, without copying them apart; alpha where any scene has some, which
        means nothing in a scene that has none."""
        return self._pictures[self._rows[scene][list(views)]]

    def views(self, scene: int) -> ViewSplit:
        """Which views of a scene are for fitting, and which are never seen."""
        return self._splits[scene]

    def view_numbers(self, scene: int) -> tuple[int, ...]:
        """The position of each view of a scene in the sorted list of all views that the dataset holds of it.

        Rules such as ``above_ground`` leave views out of a dataset but not out of that list, and the scene's
        fingerprint covers it: such a number names a view for good, whatever options the dataset is opened with.
        """
        return tuple((self._rows[scene] - self._index.starts[self._number(scene)]).tolist())

    def is_blank(self, scene: int) -> bool:
        """Whether every view of a scene is of a single color, as in a few scenes of public datasets."""
        return all(is_one_color(self.images(scene, [view])[0]) for view in range(len(self._rows[scene])))

    @cached_property
    def opaque(self) -> tuple[int, ...]:
        """The scenes whose pictures do not say what is around the object: they have no alpha and no masks."""
        return tuple(scene for scene in range(len(self)) if not self.has_alpha(scene))

    @property
    def keeps_alpha(self) -> bool:
        """Whether the pictures of any scene say how opaque they are; see ``alpha``."""
        return len(self.opaque) < len(self)

    @cached_property
    def shown_around(self) -> Color | None:
        """The color that some pictures without alpha show at their edges; None where there are no such pictures, or
        where their edges are not of one color."""
        return background_of(self, self.opaque)

    @property
    def background(self) -> Color:
        """What the objects stand before: the color that is laid behind alpha, or else the one that pictures show."""
        return self.laid_over if self.keeps_alpha else self.shown_around or self.laid_over

    def digests(self) -> dict[str, str]:
        """SHA-256 of the box, and of cameras and pictures of all views, by which processes that train together compare
        their data; no picture is read from the disk, where the cache knows their checksums."""
        rows, index = self._rows.flat, self._index
        return {
            "box": digest_of(self.aabb.numpy()),
            "cameras": digest_of(index.c2w[rows], index.intrinsics[rows]),
            "pictures": digest_of(np.array(self.picture_size), self._pictures.sums(rows)),
        }

    def select(self, scenes: str | None, default: str = "all") -> "Dataset":
        """Some scenes; ``open_dataset`` opens a choice without reading the others.

        Args:
            scenes: "all", a split ("train", "test"), a range such as "0:36", or names separated by commas; None for
                the default.
            default: the scenes where none are chosen. Without declared splits, a split then means all.

        Raises:
            InputError: there is no such scene or split.
        """
        chosen = choose_names(self.names, scenes, splits=self.declared_splits, default=default)
        numbers = {name: number for number, name in enumerate(self.names)}
        return self.subset([numbers[name] for name in chosen])

    def subset(self, scenes: Sequence[int]) -> "Dataset":
        """The chosen scenes, sorted by name, without copying pictures."""
        order = sorted(set(scenes), key=lambda scene: self.names[scene])
        names = tuple(self.names[scene] for scene in order)
        kept = set(names)
        return replace(
            self,
            names=names,
            fingerprints=tuple(self.fingerprints[scene] for scene in order),
            declared_splits={
                use: tuple(name for name in chosen if name in kept) for use, chosen in self.declared_splits.items()
            },
            _rows=SceneRows.of([self._rows[scene] for scene in order]),
            _splits=tuple(self._splits[scene] for scene in order),
        )

    def in_memory(self) -> "Dataset":
        """The same, with the pictures of its scenes in memory, and nothing of other scenes."""
        numbers = [self._number(scene) for scene in range(len(self))]
        index = self._index.subset(numbers)
        moved = zip(self._rows, numbers, index.starts, strict=False)
        parts = [self._pictures[self._index.rows(number)] for number in numbers]
        return replace(
            self,
            _rows=SceneRows.of([rows - self._index.starts[number] + start for rows, number, start in moved]),
            _index=index,
            _pictures=StackedPictures(parts, index.starts),
        )

    def __getstate__(self) -> dict[str, object]:
        """What another process gets: it may not have the files."""
        return vars(self.in_memory())

    def _number(self, scene: int) -> int:
        """The number of a scene in the index, which has those too that were not chosen."""
        return int(np.searchsorted(self._index.starts, self._rows[scene][0], side="right")) - 1

    def __repr__(self) -> str:
        fitted, tested = (span(len(getattr(split, use)) for split in self._splits) for use in ("train", "test"))
        place = f"; {self.source.path}" if self.source else ""
        return (
            f"Dataset({len(self)} scene(s): {first_and_last(self.names)}; {fitted} views each to fit and {tested} to "
            f"test; {self.width}x{self.height} pixels{place})"
        )

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: a contact sheet."""
        return contact_sheet(self)._repr_png_()


def open_dataset(config: DatasetConfig, progress: OnPicture | None = None, *, default: str = "all") -> Dataset:
    """Open the scenes of a dataset that ``config.scenes`` chooses; nothing of the others is read.

    The first time, every file is checked, then all pictures are decoded into the cache; later calls only look
    whether a file has changed.

    Args:
        config: which dataset.
        progress: called after each picture decoded, with the number done and the number of all.
        default: the scenes where ``config.scenes`` is None; see ``choose_names``.

    Raises:
        InputError: the dataset cannot be used; nothing is left in the cache.
    """
    check_config(config)
    problems, color = Problems(), parse_color(config.background, "background")
    folder, declaration = find_chosen(config, default, problems)
    entry = (config.cache or default_cache()).expanduser() / cache_key(folder, config)
    opened, parsed = open_entry(entry), []
    if opened is not None:
        index = opened[0]
    else:
        links = LinkPolicy(folder.root, config.follow_links)
        parsed = list(parse_scenes(folder, links, problems, config.field_of_view))
        index = index_scenes(parsed, config.resolution, problems.notes)
    rows = rows_of_all(index, config)
    splits = [split_views(index, scene, kept, config) for scene, kept in enumerate(rows)]
    aabb = scene_box(config.half_extent, folder, declaration, index)
    about_box = Problems()
    check_box_is_seen(index, rows.flat, aabb, about_box)
    note_cameras_inside(index, rows.flat, aabb, about_box)
    few_views = few_views_note(index.names, splits)
    if opened is None:
        opened = build_entry(entry, index, parsed, config, progress)
    names = set(index.names)
    return Dataset(
        names=index.names,
        fingerprints=index.fingerprints,
        declared_splits={
            use: tuple(name for name in chosen if name in names) for use, chosen in (declaration.splits or {}).items()
        },
        aabb=aabb,
        height=index.height,
        width=index.width,
        _rows=rows,
        _splits=tuple(splits),
        _index=index,
        _pictures=opened[1],
        notes=(*index.notes, *about_box.notes, *filter(None, [few_views])),
        source=config,
        laid_over=color,
    )


def find_chosen(config: DatasetConfig, default: str, problems: Problems) -> tuple[DatasetFolder, Declaration]:
    """The scenes of a dataset that ``config.scenes`` chooses, and what its dataset.json declares.

    Args:
        config: which dataset.
        default: the scenes where ``config.scenes`` is None.
        problems: raises or gathers what is wrong with dataset.json.

    Raises:
        InputError: there is no dataset, or no such scene in it.
    """
    folder, declaration = find_scenes(config.path), Declaration()
    with problems.guard():
        declaration = read_declaration(folder, problems)
    names = choose_names(folder.names, config.scenes, splits=declaration.splits, default=default)
    if len(names) == len(folder.names):
        with problems.guard():
            check_complete(declaration, folder)
    return folder.only(names), declaration


def check_config(config: DatasetConfig) -> None:
    """Refuse options out of range.

    Raises:
        InputError: one is.
    """
    if config.test_views is not None and config.test_views < 0:
        raise InputError(f"test_views: expected 0 or more, found {config.test_views}")
    if config.half_extent is not None and not 1 / LARGEST < config.half_extent < LARGEST:
        raise InputError(f"half_extent: expected a positive number, found {config.half_extent}")
    parse_color(config.background, "background")
