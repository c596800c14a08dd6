"""A folder of photographs as a posed dataset on the disk."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.formats.writer import (
    DATASET_FILE,
    picture_files,
    scene_is_written,
    write_dataset_file,
    write_scene,
    write_transforms,
)
from triptych.data.generators.meshes.grouping import split_groups
from triptych.data.generators.resumable import MAKING_FILE, open_for_making
from triptych.data.photos.alignment import (
    Turns,
    asked_turns,
    choose_fronts,
    final_frame,
    forget_turn,
    read_turns,
    write_turns,
)
from triptych.data.photos.config import PhotosConfig, TurntableConfig
from triptych.data.photos.cutouts import find_cutouts
from triptych.data.photos.likeness import hulls_of
from triptych.data.photos.objects import PhotoObject, digest_of, find_objects
from triptych.data.photos.preparing import prepare
from triptych.data.photos.record import FOLDER, MASKS, VERSION, Record, read_record, write_record
from triptych.data.photos.report import Report
from triptych.data.photos.sheet import Shown, write_alignment_sheet
from triptych.data.photos.turntable import find_turntables
from triptych.errors import InputError

SHEET = "alignment.png"
MARGIN = 0.02
"""Room left around the objects in the scene box, as a fraction of each side."""
_NOT_COMPARED = ("turn", "like")
"""Options that change no object's pictures."""


@dataclass(frozen=True)
class Watching:
    """Who is told about the work.

    Attributes:
        on_object: called for each object that is done, with how many are, and how many there will be.
        on_skip: called for each object that is not used, with the reason.
        on_note: called at the end with each line of the report.
    """

    on_object: Callable[[int, int], object] = lambda done, total: None
    on_skip: Callable[[str], object] = lambda line: None
    on_note: Callable[[str], object] = lambda line: None


def import_photos(source: Path, out: Path, config: PhotosConfig, watching: Watching | None = None) -> None:
    """Cut out, crop and align photographed objects, and write the dataset; run again, it continues.

    An object that cannot be used is skipped. ``dataset.json`` records what became of each, ``alignment.json`` how each
    is turned, and ``alignment.png`` shows them. Objects that are finished are kept as long as their pictures, masks and
    cameras stay; when others are added, they keep their turns.

    Args:
        source: a folder for each object, with pictures and the results of COLMAP or a transforms.json; with a
            ``TurntableConfig`` pictures alone. Nothing outside of it is read.
        out: the dataset's folder.
        config: how.
        watching: who is told about it.

    Raises:
        InputError: the folder is missing, none of its objects can be used, or ``out`` holds another dataset.
        OSError: ``out`` cannot be written.
    """
    watching = watching or Watching()
    report = Report(config.exposure == "compensate")
    planned = _plan(source, out, config, report, watching)
    turns = asked_turns(read_turns(out), config.turn, list(planned))
    like = [] if config.like is None else hulls_of(config.like)
    kind = "turntable" if isinstance(config, TurntableConfig) else "photos"
    options = {name: value for name, value in asdict(config).items() if name not in _NOT_COMPARED}
    made_by = {"generator": kind, "version": VERSION, "source": source.resolve().name} | options
    with _nothing_left_by_failure(out), open_for_making(out, made_by):
        records = _make(out, planned, config, report, watching)
        turns = Turns({name: turns.found[name] for name in records if name in read_turns(out).found}, turns.by_hand)
        report.fronts = choose_fronts(records, turns, like)
        turns = Turns({name: front.degrees for name, front in report.fronts.items()}, turns.by_hand)
        write_turns(out, turns)
        box = _align(out, records, turns, report, config.extent)
        splits = split_groups([[name] for name in records], config.test_fraction, config.seed)
        write_dataset_file(out, box, splits, made_by | report.record())
    for line in report.lines():
        watching.on_note(line)


Planned = Mapping[str, tuple[PhotoObject, ParsedScene]]


def _plan(source: Path, out: Path, config: PhotosConfig, report: Report, watching: Watching) -> Planned:
    """The objects that can be used as far as one can tell without decoding all their pictures."""
    links = LinkPolicy(source.resolve(), config.follow_links)
    turntable = isinstance(config, TurntableConfig)
    found = find_turntables(source, links, out, config) if turntable else find_objects(source, links, out)
    planned: dict[str, tuple[PhotoObject, ParsedScene]] = {}
    for each in found:
        with _skipping(each, report, watching):
            scene = each.parse()
            find_cutouts(scene, each.folder, config.masks, config.threshold, _masks(out, each.name))
            planned[each.name] = (each, scene)
    _require_some(planned, report)
    return planned


def _make(out: Path, planned: Planned, config: PhotosConfig, report: Report, watching: Watching) -> dict[str, Record]:
    """The pictures and the record of each object, those that an earlier run has finished among them."""
    records: dict[str, Record] = {}
    for done, (name, (found, scene)) in enumerate(sorted(planned.items()), start=1):
        with _skipping(found, report, watching):
            digest = digest_of(scene)
            record = read_record(out, name, digest) if scene_is_written(out, name) else None
            if record is None:
                record, pictures = prepare(found, scene, config, _masks(out, name))
                forget_turn(out, name)
                write_scene(out, name, record.cameras, pictures)
                write_record(out, name, record, digest)  # last: it says that the pictures are there
            records[name], report.findings[name] = record, record.findings
        watching.on_object(done, len(planned))
    _require_some(records, report)
    return records


def _masks(out: Path, name: str) -> Path:
    return out / FOLDER / MASKS / name


@contextmanager
def _skipping(found: PhotoObject, report: Report, watching: Watching) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        report.skipped[found.name] = "; ".join(map(str, error.args))
        watching.on_skip(report.skipped[found.name])


def _require_some(objects: Mapping[str, object], report: Report) -> None:
    if not objects:
        raise InputError(*report.skipped.values())


@contextmanager
def _nothing_left_by_failure(out: Path) -> Iterator[None]:
    """A new folder in which nothing could be made is removed again."""
    is_new = not (out / DATASET_FILE).exists() and not (out / MAKING_FILE).exists()
    existed = out.exists()
    try:
        yield
    except InputError:
        if is_new and out.is_dir() and not (out / FOLDER).exists():
            (out / MAKING_FILE).unlink(missing_ok=True)
            if not existed:
                with suppress(OSError):
                    out.rmdir()
        raise


def _align(out: Path, records: Mapping[str, Record], turns: Turns, report: Report, extent: float) -> list[list[float]]:
    """Give every scene the cameras of the common frame; returns the box around all."""
    boxes, shown = [], []
    for name, record in records.items():
        by_hand = turns.by_hand.get(name, (0.0, 0.0, 0.0))
        similarity, box = final_frame(record, turns.found[name], by_hand, extent)
        cameras = similarity.cameras(record.cameras)
        write_transforms(out / name, picture_files(len(cameras)), cameras)
        boxes.append(box)
        label = f"{name} {report.fronts[name].agreement:.2f}"
        shown.append(Shown(out / name, label, cameras, similarity.points(record.surface_points)))
    # Those that agree least come first: they are the ones to look at.
    shown.sort(key=lambda each: report.fronts[each.folder.name].agreement)
    write_alignment_sheet(shown, extent, out / SHEET)
    stacked = torch.stack(boxes)
    low, high = stacked[:, 0].amin(dim=0), stacked[:, 1].amax(dim=0)
    room = (MARGIN * (high - low)).clamp_min(1e-3)
    return [[round(corner, 6) for corner in corners] for corners in ((low - room).tolist(), (high + room).tolist())]
