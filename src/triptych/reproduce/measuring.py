"""One method from its configuration to numbers; everything found is kept in files, so that a rerun goes on."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import torch

from triptych.autoencoder import IdentityAutoencoder
from triptych.bank import SceneBank
from triptych.data import Dataset
from triptych.evaluation.evaluate import Evaluation, evaluate
from triptych.files import folder_name, read_log, read_or_make
from triptych.geometry import Cameras
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.reproduce.experiments import Alone, Experiment, Scale, Shared
from triptych.scene import Scene, open_scenes
from triptych.training.config import Stage2Config
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import SingleTriPlanes
from triptych.training.stage1 import MODEL, TRAINED_SCENES, train
from triptych.training.stage2 import fit

_TIMED_RENDERS = 9
Numbers = dict[str, Any]


@dataclass(frozen=True)
class Workshop:
    """What every measurement needs.

    Attributes:
        trained: the stage-1 scenes.
        new: the exploit scenes.
        scale: sizes and settings.
        seed: all random numbers follow from it.
        device: where to compute.
        progress: where to show how it goes.
    """

    trained: Dataset
    new: Dataset
    scale: Scale
    seed: int
    device: torch.device
    progress: Progress


def measure(experiment: Experiment, folder: Path, shop: Workshop) -> Numbers:
    """Train, fit and measure one method in ``folder``.

    Returns:
        ``train`` and ``exploit``: means over the test views of these scenes (psnr, ssim, and psnr_autoencoder);
        ``t_entry``, ``t_scene`` in seconds; ``m_entry`` (by part) and ``m_scene`` in bytes; ``t_render``,
        ``t_decode`` in seconds a view.
    """
    if isinstance(experiment, Shared):
        return _measure_shared(experiment, folder, shop)
    return _measure_alone(experiment, folder, shop)


def measure_budgets(experiment: Experiment, folder: Path, shop: Workshop) -> list[Numbers]:
    """Quality of some exploit scenes against the time that each takes, every budget a run of its own."""
    some = shop.new.subset(range(min(shop.scale.budget_scenes, len(shop.new))))
    points = []
    if isinstance(experiment, Shared):
        for share in shop.scale.latent_budgets:
            place = folder / f"budget_{share:g}"
            config = experiment.stage2.longer(share)
            points.append(
                read_or_make(place / "measured.json", lambda p=place, c=config: _exploit(p, folder, some, c, shop))
            )
    else:
        for share in shop.scale.rgb_budgets:
            place = folder / f"budget_{share:g}"
            config = replace(experiment.rgb, steps=max(round(share * experiment.rgb.steps), 1))
            points.append(read_or_make(place / "measured.json", lambda p=place, c=config: _rgb(p, some, c, shop)))
    return [{key: point[key] for key in ("psnr", "ssim", "seconds")} for point in points]


def exploit_scene(experiment: Experiment, folder: Path, name: str) -> Scene:
    """A scene that ``measure`` has fitted, to look at."""
    if isinstance(experiment, Shared):
        model = None if experiment.stage2.finetune_shared else folder / "stage1"
        return open_scenes(_exploit_bank(experiment, folder), model)[name]
    return open_scenes(folder / "exploit" / folder_name(name))[name]


def _exploit_bank(experiment: Shared, folder: Path) -> Path:
    out = folder / "exploit" / "bank"
    return out / "bank" if experiment.stage2.finetune_shared else out


def _measure_shared(experiment: Shared, folder: Path, shop: Workshop) -> Numbers:
    stage1 = folder / "stage1"
    train(shop.trained, stage1, experiment.stage1, seed=shop.seed, device=shop.device, progress=shop.progress)

    def trained() -> Numbers:
        model = CategoryModel.load(stage1 / MODEL).to(shop.device)
        return _evaluated(model, SceneBank(stage1 / TRAINED_SCENES), shop.trained, shop.progress)

    found = read_or_make(folder / "trained.json", trained)
    place = folder / "exploit"
    exploited = read_or_make(
        place / "measured.json", lambda: _exploit(place, folder, shop.new, experiment.stage2, shop)
    )

    def costs() -> Numbers:
        scene = exploit_scene(experiment, folder, shop.new.names[0])
        return {
            "t_entry": max(line["seconds"] for line in read_log(stage1)),
            "t_scene": exploited["seconds"],
            "m_entry": _shared_bytes(scene.model),
            "m_scene": exploited["bytes"],
            **_view_seconds(scene, shop.new.cameras(0)[:1]),
        }

    return {"train": found, "exploit": exploited, **read_or_make(folder / "costs.json", costs)}


def _measure_alone(experiment: Alone, folder: Path, shop: Workshop) -> Numbers:
    found = read_or_make(folder / "trained.json", lambda: _rgb(folder / "train", shop.trained, experiment.rgb, shop))
    exploited = read_or_make(
        folder / "exploit" / "measured.json", lambda: _rgb(folder / "exploit", shop.new, experiment.rgb, shop)
    )

    def costs() -> Numbers:
        scene = exploit_scene(experiment, folder, shop.new.names[0])
        return {
            "t_entry": 0.0,
            "t_scene": exploited["seconds"],
            "m_entry": {},
            "m_scene": exploited["bytes"] + _bytes(scene.model.mlp),
            **_view_seconds(scene, shop.new.cameras(0)[:1]),
        }

    return {"train": found, "exploit": exploited, **read_or_make(folder / "costs.json", costs)}


def _exploit(place: Path, folder: Path, scenes: Dataset, config: Stage2Config, shop: Workshop) -> Numbers:
    model = CategoryModel.load(folder / "stage1" / MODEL).to(shop.device)
    # Forced, as everywhere where methods are compared: a mean counts every scene, those that a method cannot fit too.
    bank = fit(
        model,
        scenes,
        place / "bank",
        config,
        seed=shop.seed,
        device=shop.device,
        progress=shop.progress,
        force=True,
    )
    return _evaluated(model, bank, scenes, shop.progress)


def _rgb(place: Path, scenes: Dataset, config: SingleTriPlanes, shop: Workshop) -> Numbers:
    banks = fit_rgb_scenes(scenes, place, config, seed=shop.seed, progress=shop.progress)
    quiet = Progress(quiet=True)
    parts = [_evaluated(bank.load_model(), bank, scenes, quiet) for bank in banks.values()]
    return {key: mean([part[key] for part in parts]) for key in parts[0]}


def _evaluated(model: CategoryModel, bank: SceneBank, scenes: Dataset, progress: Progress) -> Numbers:
    progress.start("evaluate", len(bank))
    evaluation, _ = evaluate(model, bank, scenes, with_lpips=False, on_scene=lambda name: progress.advance())
    return _summary(evaluation)


def _summary(evaluation: Evaluation) -> Numbers:
    return {key: value for key, value in evaluation.summary().items() if key != "psnr_autoencoder" or value < 90}


def _shared_bytes(model: CategoryModel) -> Mapping[str, int]:
    """Bytes of each shared part as it is stored, in half precision."""
    autoencoder = model.autoencoder
    half = 2
    return {
        "encoder": half * sum(parameter.numel() for parameter in autoencoder.encoder_parameters()),
        "decoder": half * sum(parameter.numel() for parameter in autoencoder.decoder_parameters()),
        "base planes": half * model.base.numel(),
        "tiny MLP": half * sum(parameter.numel() for parameter in model.mlp.parameters()),
    }


def _bytes(module: torch.nn.Module) -> int:
    return sum(parameter.numel() * parameter.element_size() for parameter in module.parameters())


def _view_seconds(scene: Scene, camera: Cameras) -> Numbers:
    """Median seconds to render one view, and, of them, to decode it."""
    views = scene.render(camera)  # compiles, and finds the occupancy
    whole = [_seconds(lambda: scene.render(camera)) for _ in range(_TIMED_RENDERS)]
    with torch.no_grad():
        decode = [_seconds(lambda: scene.model.decode(views.latents)) for _ in range(_TIMED_RENDERS)]
    identity = isinstance(scene.model.autoencoder, IdentityAutoencoder)
    return {"t_render": median(whole), "t_decode": 0.0 if identity else median(decode)}


def _seconds(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
