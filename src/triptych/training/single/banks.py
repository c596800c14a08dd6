"""RGB tri-planes for a whole dataset: every scene a bank of its own, with its own tiny MLP.

<scene>/          the bank, with the log of its fitting
<scene>.run/      the run of a scene that is being fitted; removed when its bank is there
"""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, SupportsFloat

import torch

from triptych.autoencoder import IdentityAutoencoder
from triptych.bank import SceneBank, StoredScene
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.files import KIND, LOG_FILE, atomic_directory, folder_name, lock
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.runtime import Lost, require_memory
from triptych.text import listed
from triptych.training import memory
from triptych.training.announcing import view_counts
from triptych.training.conditions import Conditions
from triptych.training.deciding import deciding, with_added
from triptych.training.loop import Loop
from triptych.training.outcome import require_finite
from triptych.training.provenance import Provenance, background_unless_white
from triptych.training.random_background import require_alpha
from triptych.training.rerun import write_config
from triptych.training.run import differences, open_run
from triptych.training.single.config import SingleTriPlanes
from triptych.training.single.fields import TriPlanes
from triptych.training.single.fitting import PHASE, fit_field
from triptych.training.single.targets import image_space, ray_targets
from triptych.training.watching import Watch


def fit_rgb_scenes(
    dataset: Dataset,
    out: Path,
    config: SingleTriPlanes,
    conditions: Conditions,
) -> dict[str, SceneBank]:
    """Fit every scene of a dataset by itself; those that are there already are left alone.

    Args:
        dataset: the scenes.
        out: each scene becomes a bank in a folder of its own in here, which keeps the scene's MLP as its model.
        config: all settings.
        conditions: seed, device, progress, who fits the scenes, and how often one that is fitted here is saved.

    Returns:
        the bank of each scene by name, with the fitting's seconds and views in the record of its one scene.

    Raises:
        InputError: a bank of that name holds a scene that was fitted to other pictures or views or with other
            options, random colors are asked for behind pictures without alpha, or fitting has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    require_memory(memory.of_single(config), conditions.here)
    require_alpha([config], IdentityAutoencoder(), dataset)
    scenes = [dataset.subset([number]) for number in range(len(dataset))]
    for scene in scenes:
        _check_same(_folder(out, scene), scene, config, conditions.seed)
    for line in view_counts(dataset):
        conditions.progress.note(line)
    out.mkdir(parents=True, exist_ok=True)
    with lock(out):
        write_config(out, dataset, config, conditions.seed, conditions.device)
        conditions.progress.start("rgb", len(dataset) * config.steps)
        _fit_all(scenes, out, config, conditions)
    return {scene.names[0]: SceneBank(_folder(out, scene)) for scene in scenes}


@dataclass(frozen=True)
class _Settings:
    """What is the same for all scenes.

    Attributes:
        config: all settings.
        seed: all random numbers follow from it.
        device: what is computed on.
        here: whether this process fits, in a run beside the bank, which may have stopped earlier.
        steps: where to show each step.
        checkpoint_seconds: how often a run is saved.
        watch: who follows the runs, where this process fits.
    """

    config: SingleTriPlanes
    seed: int
    device: torch.device
    here: bool
    steps: Progress
    checkpoint_seconds: float
    watch: Watch


@dataclass(frozen=True)
class _Part:
    """A scene, and where its bank will be."""

    scene: Dataset
    folder: Path


@dataclass(frozen=True)
class _Fitted:
    """What becomes a bank."""

    model: CategoryModel
    scene: StoredScene
    log: bytes


def _fit_all(scenes: list[Dataset], out: Path, config: SingleTriPlanes, conditions: Conditions) -> None:
    workers, progress, lost = conditions.workers, conditions.progress, {}
    here = workers.are_here
    steps = _WithinAll(progress) if here else Progress(quiet=True)
    watch = conditions.watch if here else Watch(logs=())
    settings = _Settings(config, conditions.seed, conditions.device, here, steps, conditions.checkpoint_seconds, watch)
    parts = _to_fit(scenes, out, config.steps, progress)
    for part, result in workers.map(_fit_scene, settings, parts, conditions.device):
        name = part.scene.names[0]
        if isinstance(result, Lost):
            lost[name] = result.reason
        else:
            _write(part.folder, name, result)
            shutil.rmtree(_run_of(part.folder), ignore_errors=True)
        if not here:
            progress.advance(config.steps)
    if lost:
        raise InputError(
            f"{out}: {len(lost)} of {len(scenes)} scene(s) are not fitted, as their workers died, the others are: "
            f"{listed(list(lost))}; the last of this: {list(lost.values())[-1]}; run the same command again"
        )


def _to_fit(scenes: list[Dataset], out: Path, steps: int, progress: Progress) -> Iterator[_Part]:
    """The scenes that are not there yet."""
    for scene in scenes:
        folder = _folder(out, scene)
        if folder.is_dir():
            progress.advance(steps)
            shutil.rmtree(_run_of(folder), ignore_errors=True)
        else:
            yield _Part(scene, folder)


def _fit_scene(settings: _Settings, part: _Part) -> _Fitted:
    """What a worker does."""
    with ExitStack() as stack:
        place = _run_of(part.folder) if settings.here else Path(stack.enter_context(TemporaryDirectory())) / "run"
        options = _options(part.scene, settings.config, settings.seed)
        run = stack.enter_context(open_run(place, options, settings.checkpoint_seconds, settings.watch))
        return _fitted(part, settings, Loop.resumed(run, settings.steps, (PHASE,)))


def _run_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.run")  # no scene's: the names of their folders have no dot


def _folder(out: Path, scene: Dataset) -> Path:
    return out / folder_name(scene.names[0])


def _options(scene: Dataset, config: SingleTriPlanes, seed: int) -> dict[str, Any]:
    """What must be the same for a scene to be left alone, or for its fitting to go on."""
    return {
        "rgb": _without_kind(deciding(config)),
        "seed": seed,
        "fingerprint": scene.fingerprints[0],
        "fitted_views": Provenance.of(scene, 0).record()["fitted_views"],
        **background_unless_white(scene),
    }


def _without_kind(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name != KIND}


def _check_same(folder: Path, scene: Dataset, config: SingleTriPlanes, seed: int) -> None:
    if not folder.is_dir():
        return
    stored = SceneBank(folder).scene(scene.names[0])
    if stored.fingerprint != scene.fingerprints[0]:
        raise InputError(
            f"{folder}: this scene was fitted to other pictures; rename the new one, or choose another --out"
        )
    asked = {**_options(scene, config, seed), "rgb": _without_kind(asdict(config))}
    known = stored.record.keys() & asked.keys()  # banks of earlier versions know less
    asked = {key: asked[key] for key in known}
    for name, before, now in differences(with_added({key: stored.record[key] for key in known}, asked), asked):
        if now is None:
            continue  # an option that there is no more
        raise InputError(
            f"{folder}: this scene was fitted with {name} = {before!r}, not {now!r}; repeat its options, or choose "
            "another --out"
        )


def _fitted(part: _Part, settings: _Settings, loop: Loop) -> _Fitted:
    scene, config, seed = part.scene, settings.config, settings.seed
    space = image_space(scene).to(settings.device)
    fitted = TriPlanes(scene, config, space, seed)
    fit_field(fitted, ray_targets(scene, space, with_edges=config.edge_share > 0), config, seed, loop)
    require_finite(fitted, part.folder)
    fitted.finished()
    record = {
        "seconds": loop.run.elapsed(),
        "rgb": _without_kind(asdict(config)),
        "seed": seed,
        **Provenance.of(scene, 0).record(),
    }
    micro, coefficients = fitted.scenes.micro.values[0], fitted.scenes.coefficients.values[0]
    stored = StoredScene(micro.cpu(), coefficients.cpu(), scene.fingerprints[0], record)
    return _Fitted(fitted.model.cpu(), stored, (loop.run.folder / LOG_FILE).read_bytes())


def _write(folder: Path, name: str, fitted: _Fitted) -> None:
    with atomic_directory(folder) as temporary:
        SceneBank.create(temporary, fitted.model, own_model=True).add(name, fitted.scene)
        (temporary / LOG_FILE).write_bytes(fitted.log)


class _WithinAll(Progress):
    """The steps of one scene, on a bar of the steps of all scenes."""

    def __init__(self, whole: Progress) -> None:
        self._whole = whole

    def start(self, phase: str, steps: int, done: int = 0) -> None:
        self._whole.advance(done)

    def advance(self, steps: int = 1, **metrics: SupportsFloat) -> None:
        self._whole.advance(steps, **metrics)

    def note(self, message: str) -> None:
        self._whole.note(message)
