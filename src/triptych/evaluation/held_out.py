"""Which views the scenes of a bank are measured on: none of those that they were fitted to, however data are opened."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from triptych.bank import SceneBank, Scenes, read_failures
from triptych.data import Dataset, DatasetConfig, choose_names
from triptych.data.formats.declaration import read_declaration
from triptych.data.formats.discovery import find_scenes
from triptych.data.opening import open_data
from triptych.data.validation import Problems
from triptych.errors import InputError
from triptych.evaluation.config import BankDataConfig
from triptych.progress import Progress
from triptych.text import listed
from triptych.training.provenance import Provenance


@dataclass(frozen=True)
class HeldOutViews:
    """The views on which a scene of a bank can be measured.

    Attributes:
        name: its name in the bank.
        dataset: the dataset that it was found in.
        scene: its number there.
        views: the views to measure it on, numbers as in ``dataset.views``.
        fitted: how many views it was fitted to; None where the bank does not say.
        dropped: how many test views are left out, since it was fitted to them.
    """

    name: str
    dataset: Dataset
    scene: int
    views: tuple[int, ...]
    fitted: int | None
    dropped: int


@dataclass
class MeasurableScenes:
    """The scenes that can be measured, and notes about the others."""

    scenes: list[HeldOutViews] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def folders(self) -> list[str]:
        """The datasets' folders, as they were given."""
        sources = (held.dataset.source for held in self.scenes)
        return list(dict.fromkeys(str(source.path) for source in sources if source is not None))

    def note(self, names: Sequence[str], words: str) -> None:
        """A line about some scenes, if there are any."""
        if names:
            self.notes.append(f"{len(names)} scene(s) {words}: {listed(names)}")


def find_in(scenes: Scenes, dataset: Dataset) -> MeasurableScenes:
    """Those of some scenes that are in a dataset, by their content.

    Raises:
        InputError: there are no scenes, none of them is in the dataset, or none has a view to be measured on.
    """
    candidates = {name: (_known(scenes.bank, name), [dataset]) for name in scenes.names()}
    return _measurable(scenes.bank, candidates, "not in the dataset given")


def find_on_disk(scenes: Scenes, config: BankDataConfig, progress: Progress) -> MeasurableScenes:
    """The chosen ones of some scenes, each in the dataset that it comes from.

    Args:
        scenes: fitted scenes.
        config: which scenes, where they are, and how to open them.
        progress: where to show how pictures are read.

    Raises:
        InputError: there is no such scene, a dataset cannot be used, or no scene can be measured.
    """
    known = {name: _known(scenes.bank, name) for name in scenes.names()}
    places = {name: _sources(scene, config) for name, scene in known.items()}
    chosen = choose_names(known, config.scenes, splits=_splits(config, places, known), of="bank")
    needed: dict[DatasetConfig, list[str]] = {}
    for name in chosen:
        for source in places[name]:
            needed.setdefault(source, []).append(name)
    opened = {source: _open(source, names, progress) for source, names in needed.items()}
    datasets = {name: [opened[source] for source in places[name]] for name in chosen}
    where = "in none of the datasets given" if config.data else "their dataset is unknown or gone, give its folder"
    return _measurable(scenes.bank, {name: (known[name], datasets[name]) for name in chosen}, where)


@dataclass(frozen=True)
class _Known:
    """What a bank says about a scene, its planes apart."""

    fingerprint: str
    provenance: Provenance | None
    forced: bool


def _known(bank: SceneBank, name: str) -> _Known:
    about = bank.about(name)
    provenance = Provenance.read(about.record, f"{bank.folder}, scene {name!r}")
    return _Known(about.fingerprint, provenance, "problem" in about.record)


def _sources(scene: _Known, config: BankDataConfig) -> list[DatasetConfig]:
    """The datasets that may hold a scene, opened as it was fitted but for what ``config`` says."""
    recorded = scene.provenance.source if scene.provenance else None
    given = {
        "test_views": config.test_views,
        "test_rule": config.test_rule,
        "above_ground": config.above_ground or None,
        "half_extent": config.half_extent,
        "resolution": config.resolution,
    }
    changes = {name: value for name, value in given.items() if value is not None}
    folders = config.data or ((recorded.path,) if recorded else ())
    base = recorded or DatasetConfig(Path())
    return [
        replace(base, path=folder, cache=config.cache, **changes)
        for folder in folders
        if config.data or folder.is_dir()
    ]


def _splits(
    config: BankDataConfig, places: Mapping[str, list[DatasetConfig]], known: Iterable[str]
) -> dict[str, list[str]]:
    """What the datasets declare about the bank's scenes, where a split is asked for."""
    splits: dict[str, list[str]] = {}
    if config.scenes not in ("train", "test"):
        return splits
    for folder in {source.path for sources in places.values() for source in sources}:
        declared = read_declaration(find_scenes(folder), Problems(gather=True)).splits or {}
        for use, names in declared.items():
            splits.setdefault(use, []).extend(name for name in names if name in known)
    return splits


def _open(source: DatasetConfig, names: Sequence[str], progress: Progress) -> Dataset:
    """The scenes of a dataset that have these names; all of it where none has, since one may have been renamed."""
    present = {scene.name for scene in find_scenes(source.path).scenes}
    same = [name for name in names if name in present]
    plain = all(name == name.strip() and "," not in name for name in same)
    return open_data(replace(source, scenes=",".join(same) if same and plain else "all"), progress)


def _measurable(
    bank: SceneBank, candidates: Mapping[str, tuple[_Known, list[Dataset]]], where: str
) -> MeasurableScenes:
    measurable, absent, without, unknown = MeasurableScenes(), [], [], []
    for name, (known, datasets) in candidates.items():
        place = next((dataset for dataset in datasets if known.fingerprint in dataset.fingerprints), None)
        if place is None:
            absent.append(name)
            continue
        held = _held_out(name, known, place)
        (measurable.scenes if held.views else without).append(held)
        if held.fitted is None:
            unknown.append(name)
    measurable.note(absent, f"left out, {where}")
    measurable.note([held.name for held in without], "left out, no test view that was not fitted")
    measurable.note(
        unknown, "measured on what the options hold out: the bank does not say to which views they were fitted"
    )
    measurable.note(
        [held.name for held in measurable.scenes if held.dropped], "without those test views that they were fitted to"
    )
    measurable.note([name for name, (known, _) in candidates.items() if known.forced], "in the bank by --force")
    failed = read_failures(bank.folder)
    measurable.note(list(failed), "not in the bank and in no mean, since they could not be fitted")
    if not measurable.scenes:
        raise InputError(f"{bank.folder}: nothing to measure: {'; '.join(measurable.notes)}")
    return measurable


def _held_out(name: str, known: _Known, dataset: Dataset) -> HeldOutViews:
    scene = dataset.fingerprints.index(known.fingerprint)
    test, numbers = dataset.views(scene).test, dataset.view_numbers(scene)
    fitted = frozenset(known.provenance.fitted if known.provenance else ())
    views = tuple(view for view in test if numbers[view] not in fitted)
    count = None if known.provenance is None else len(fitted)
    return HeldOutViews(name, dataset, scene, views, count, len(test) - len(views))
