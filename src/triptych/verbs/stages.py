"""Models and scenes: train, fit, measure, render. Settings are a preset's name, or one changed by ``replace``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, overload

import torch
from torch import nn

from triptych.autoencoder import OwnAutoencoder
from triptych.bank import OWN_MODEL, Scene, SceneBank, Scenes, StoragePrecision, render_scenes
from triptych.data import Dataset, DatasetConfig, dataset_from_arrays
from triptych.data.arrays import Numbers
from triptych.data.backgrounds import color_text
from triptych.data.opening import open_data
from triptych.errors import InputError
from triptych.evaluation.config import BankDataConfig
from triptych.evaluation.evaluate import Evaluation, measure, measured_on, write_evaluation
from triptych.evaluation.held_out import find_in, find_on_disk
from triptych.files.hub import PREFIX, HubAddress
from triptych.geometry import Cameras, Orbit
from triptych.model import CategoryModel, SceneViews, find_model
from triptych.pictures import from_pixels
from triptych.progress import Progress
from triptych.training import stage1, stage2
from triptych.training.conditions import Conditions
from triptych.training.config import DEFAULT_PRESET, Stage1Config, Stage2Config
from triptych.training.picture_sizes import require_picture_size
from triptych.training.predicting import run as predicting
from triptych.training.predicting.config import PredictorTraining
from triptych.training.presets import STAGE1, STAGE2, stage2_preset
from triptych.training.watched_fit import quickly_fitted
from triptych.training.watching import Callback, Watch
from triptych.verbs.arguments import Anywhere, device_of, path_of, settings_of, shown_if, watch_of


def open_model(
    path: Anywhere, device: str | torch.device = "cpu", *, autoencoder: nn.Module | None = None
) -> CategoryModel:
    """Open a category model.

    Args:
        path: its folder, that of the run that trained it, "objects" or "cars" for one that comes with triptych, or
            ``hf://user/name`` for one on the Hugging Face hub.
        device: where to compute with it: auto, cpu, cuda, mps, or a device of torch.
        autoencoder: the module that was given to `train`, if one was; a copy of it gets the weights.

    Raises:
        InputError: there is no model, it is damaged, or it needs another autoencoder, or one at all.
    """
    if str(path).startswith(PREFIX):
        return _from_hub(HubAddress.parse(str(path)), autoencoder).to(device_of(device))
    return CategoryModel.load(find_model(Path(path)), autoencoder).to(device_of(device))


def train(
    dataset: Dataset | Anywhere,
    out: Anywhere,
    settings: Stage1Config | str | None = None,
    *,
    autoencoder: nn.Module | None = None,
    seed: int = 0,
    device: str | torch.device = "auto",
    watch: Watch | Callback | None = None,
    progress: bool | None = None,
) -> CategoryModel:
    """Stage 1: train a category model on many scenes; after a stop, the same call goes on.

    Args:
        dataset: the scenes; of a folder, its split "train", or all where it declares none.
        out: folder of the run, with the model, its log, a picture of the progress and the stage-1 scenes.
        settings: "colors" for a quarter of an hour in image space, "best" for an hour there, "general" in the latent
            space of an autoencoder that is trained already, "quick" for a first look with one of the scenes' own,
            "latent" for an hour with one, "paper" for the published recipe; or one of ``STAGE1``, changed with
            ``dataclasses.replace``. None takes "colors", or "quick" with an autoencoder of your own, which trains it.
        autoencoder: a module of your own to start from, in place of the one that the settings ask for:
            ``encode(images [view, 3, height, width] in [0, 1])`` gives [view, channel, height / n, width / n],
            ``decode`` gives the images back. A copy of it is trained.
        seed: all random numbers follow from it, but for the initial weights of an autoencoder of your own.
        device: where to compute: auto takes a CUDA GPU if there is one.
        watch: a function that is called after each step with a `StepReport`, and ends the training where it returns
            True; or a `Watch`, which also says which other programs keep the log.
        progress: as in `open_dataset`.

    Returns:
        The model, on the device that it was trained on.

    Raises:
        InputError: the folder belongs to another run, the data do not fit the autoencoder, the memory does not do, or
            training has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    with shown_if(progress) as shown:
        return stage1.train(
            _opened(dataset, "train", shown),
            Path(out),
            settings_of(settings or (DEFAULT_PRESET if autoencoder is None else "quick"), STAGE1, Stage1Config),
            Conditions(seed, device_of(device), shown, watch=watch_of(watch)),
            autoencoder=autoencoder,
        )


def fit(
    model: CategoryModel | Anywhere,
    dataset: Dataset | Anywhere,
    out: Anywhere,
    settings: Stage2Config | str | None = None,
    *,
    precision: StoragePrecision | None = None,
    seed: int = 0,
    force: bool = False,
    watch: Watch | Callback | None = None,
    progress: bool | None = None,
) -> Scenes:
    """Stage 2: fit new scenes into a bank, on the device of the model; those that are there already are left alone.

    Args:
        model: the category model, or where `open_model` finds it.
        dataset: the scenes; of a folder, its split "test", or all where it declares none.
        out: folder of the bank.
        settings: "quick", "colors", "best", "general", "latent" or "paper"; or one of ``STAGE2``, changed with
            ``dataclasses.replace``. None takes the preset that the model asks for: that which it was trained with.
        precision: how the micro planes are stored: "compact", "small", "float16" or "float32"; None as the bank that is
            there does, compactly in a new one.
        seed: all random numbers follow from it.
        force: fit scenes that reach beyond the model's box, and store those that fitting has not improved, too.
        watch: as in `train`, but that a step is a group of scenes: where it returns True, the others are not fitted.
        progress: as in `open_dataset`.

    Returns:
        All scenes of the bank, ready to render.

    Raises:
        InputError: a scene is one of stage 1's, the model takes no pictures of this size, or the bank is another
            model's: nothing is done. Or fitting has failed for some scenes: the others are in the bank.
        KeyboardInterrupt: Ctrl-C; finished scenes are in the bank.
    """
    model = _opened_model(model)
    preset = stage2_preset(model.origin.stage2, "the model") if settings is None else settings
    chosen = settings_of(preset, STAGE2, Stage2Config)
    if precision is not None and precision not in get_args(StoragePrecision):
        raise InputError(f"precision: expected {', '.join(get_args(StoragePrecision))} or None, found {precision!r}")
    with shown_if(progress) as shown:
        scenes = _opened(dataset, "test", shown)
        conditions = Conditions(seed, model.aabb.device, shown, watch=watch_of(watch))
        bank = stage2.fit(model, scenes, Path(out), chosen, conditions, precision=precision, force=force)
    return Scenes(bank, _model_of(bank, model))


def predict(model: CategoryModel | Anywhere, images: Numbers, cameras: Cameras, *, name: str = "predicted") -> Scene:
    """A new scene from some pictures of it, in about a second: what the model's predictor says or, where it has none,
    a fit of a quarter of the usual steps. `fit` is better wherever it has the time.

    Args:
        model: a category model, best with a predictor, or where `open_model` finds it.
        images: pictures [view, height, width, 3 or 4], best of the model's size, bytes or numbers from 0 to 1; one is
            enough, several are better, a predictor looks at 32 of more. A fourth channel is straight alpha.
        cameras: a camera for each (``cameras_from_arrays``).
        name: the scene's name.

    Raises:
        InputError: the model takes no pictures of this size; or it has no predictor, and the scene is one of stage 1's.
    """
    model = _opened_model(model)
    behind = color_text(model.origin.background)
    pictures = dataset_from_arrays({name: (images, cameras)}, model.aabb.cpu(), test_views=0, background=behind)
    if model.predictor is None:
        return quickly_fitted(model, pictures)
    require_picture_size(pictures, model)
    views = list(range(len(cameras)))
    pixels = from_pixels(pictures.images(0, views), model.aabb.device)
    return Scene.predicted(model, pixels, pictures.cameras(0).to(model.aabb.device), name)


def train_predictor(
    model: CategoryModel | Anywhere,
    dataset: Dataset | Anywhere,
    out: Anywhere,
    settings: PredictorTraining | None = None,
    *,
    seed: int = 0,
    watch: Watch | Callback | None = None,
    progress: bool | None = None,
) -> CategoryModel:
    """Train what predicts new scenes of a category model, all else frozen, on the device of the model; after a stop,
    the same call goes on.

    Args:
        model: the category model, or where `open_model` finds it.
        dataset: scenes to learn from; of a folder, its split "train", or all where it declares none.
        out: folder of the run, with the model and its predictor, and the log.
        settings: how long and how fast; None takes the defaults.
        seed: all random numbers follow from it.
        watch: as in `train`.
        progress: as in `open_dataset`.

    Returns:
        The model with its predictor. Its identity is the same: banks of the model are banks of this one.

    Raises:
        InputError: the folder belongs to another run, the pictures do not suit the model, a scene has too few views, or
            training has diverged.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    model = _opened_model(model)
    with shown_if(progress) as shown:
        scenes = _opened(dataset, "train", shown)
        conditions = Conditions(seed, model.aabb.device, shown, watch=watch_of(watch))
        return predicting.train_predictor(model, scenes, Path(out), settings or PredictorTraining(), conditions)


def evaluate(
    scenes: Scenes,
    dataset: Dataset | Anywhere | None = None,
    out: Anywhere | None = None,
    *,
    with_lpips: bool = True,
    progress: bool | None = None,
) -> Evaluation:
    """Measure scenes on views that they were not fitted to; a notebook shows the table.

    Args:
        scenes: from `fit` or ``open_scenes``.
        dataset: the pictures of these scenes, which are found by content; None takes the folders that they were fitted
            from.
        out: folder for metrics.json, metrics.md and comparison.png; None writes nothing.
        with_lpips: whether to measure LPIPS where its library and weights are at hand.
        progress: as in `open_dataset`.

    Raises:
        InputError: none of the scenes is in the dataset, or none has a view that it was not fitted to.
    """
    with shown_if(progress) as shown:
        if isinstance(dataset, Dataset):
            found = find_in(scenes, dataset)
        else:
            folders = () if dataset is None else (path_of(dataset, "dataset", "a Dataset (triptych.open_dataset)"),)
            found = find_on_disk(scenes, BankDataConfig(folders), shown)
        shown.start("evaluate", len(found.scenes))
        evaluation = measure(scenes, found, with_lpips=with_lpips, on_scene=lambda name: shown.advance())
    if out is not None:
        write_evaluation(evaluation, Path(out), measured_on(scenes, found))
    return evaluation


@overload
def render(scenes: Scene, cameras: Cameras | int = 8) -> SceneViews: ...


@overload
def render(scenes: Mapping[str, Scene], cameras: Cameras | int = 8) -> dict[str, SceneViews]: ...


def render(scenes: Any, cameras: Cameras | int = 8) -> SceneViews | dict[str, SceneViews]:
    """RGB, latents, opacity and depth of a scene, or of several scenes by name, whose views are rendered together.

    Args:
        scenes: what to render: a scene, or a mapping such as `open_scenes` and `scenes_from_planes` give.
        cameras: of any picture size (``cameras_from_arrays``, ``orbit_cameras``); or how many, on a circle, of the size
            of the pictures that the scene, or the first of them, was fitted to.

    Raises:
        InputError: there is no scene, or several have no names.
    """
    if not isinstance(scenes, Scene | Mapping):
        raise InputError(f"render: expected a scene or a mapping from names to scenes, found a {type(scenes).__name__}")
    if not isinstance(scenes, Scene) and not scenes:
        raise InputError("render: expected at least one scene, found none")
    first = scenes if isinstance(scenes, Scene) else next(iter(scenes.values()))
    seen_by = first.along(Orbit(cameras)) if isinstance(cameras, int) else cameras
    return scenes.render(seen_by) if isinstance(scenes, Scene) else render_scenes(scenes, seen_by)


def _opened_model(model: CategoryModel | Anywhere) -> CategoryModel:
    if isinstance(model, CategoryModel):
        return model
    return open_model(path_of(model, "model", "a CategoryModel (triptych.open_model)"))


def _opened(dataset: Dataset | Anywhere, default: str, progress: Progress) -> Dataset:
    if isinstance(dataset, Dataset):
        return dataset
    return open_data(DatasetConfig(path_of(dataset, "dataset", "a Dataset (triptych.open_dataset)")), progress, default)


def _from_hub(address: HubAddress, autoencoder: nn.Module | None) -> CategoryModel:
    from triptych.model.hub_model import HubModel

    if address.kind != "model":
        raise InputError(f"{address}: a model can be opened from a repository of models only; pull it first")
    return HubModel.from_pretrained(address.repo, revision=address.revision, autoencoder=autoencoder).model


def _model_of(bank: SceneBank, model: CategoryModel) -> CategoryModel:
    """The model that a bank was fitted with, or the copy that it keeps where that was trained along."""
    if model.is_known_as(bank.model_id):
        return model
    own = model.autoencoder.network if isinstance(model.autoencoder, OwnAutoencoder) else None
    return open_model(bank.folder / OWN_MODEL, model.aabb.device, autoencoder=own)
