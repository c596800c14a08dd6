"""What there is to look at: a bank, a run of `triptych train` even while it runs, or a category model alone."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Lock

import torch

from triptych.bank import BANK_FILE, MEAN_SCENE, OWN_MODEL, Scene, open_scenes
from triptych.errors import InputError
from triptych.files import field_of, read_json
from triptych.model import MODEL_FILE, CategoryModel, find_model
from triptych.training.checkpoint import CHECKPOINT, checkpoint_files, read_checkpoint
from triptych.training.run import RUN_FILE
from triptych.training.stage1 import MODEL, PLAIN_MODEL, TRAINED_SCENES


@dataclass(frozen=True)
class SourceFiles:
    """Which folders to read: at least one of model and bank.

    Attributes:
        model: folder of the category model, if it is known.
        bank: folder of the bank.
        checkpoint: folder of an unfinished run's checkpoints, whose model has the shape of ``model``.
    """

    model: Path | None = None
    bank: Path | None = None
    checkpoint: Path | None = None

    def stamp(self) -> tuple[tuple[int, int] | None, ...]:
        """Changes when what is read there is written again; a bank that grows keeps it."""
        files = [
            self.model and self.model / MODEL_FILE,
            self.bank and self.bank / BANK_FILE,
            self.bank and self.bank / OWN_MODEL / MODEL_FILE,
            self.newest_checkpoint(),
        ]
        return tuple(_file_stamp(file) for file in files)

    def newest_checkpoint(self) -> Path | None:
        """The file of the newest checkpoint, if there is one."""
        return next(iter(checkpoint_files(self.checkpoint.parent)), None) if self.checkpoint else None


def locate(path: Path) -> SourceFiles:
    """What ``path`` is.

    Args:
        path: folder of a bank, of a run of `triptych train` or of `triptych fit --finetune-shared`, or of a category
            model; or the name of a model that comes with triptych.

    Raises:
        InputError: it is none of these, or a run that has no model yet.
    """
    for bank in (path, path / "bank"):
        if (bank / BANK_FILE).is_file():
            return SourceFiles(bank=bank)
    model = find_model(path)
    if model == path / MODEL and (path / TRAINED_SCENES / BANK_FILE).is_file():
        return SourceFiles(model=model, bank=path / TRAINED_SCENES)
    if (model / MODEL_FILE).is_file():
        return SourceFiles(model=model)
    plain = path / PLAIN_MODEL
    if (plain / MODEL_FILE).is_file():
        return SourceFiles(model=plain, checkpoint=path / CHECKPOINT)
    if (path / RUN_FILE).is_file():
        raise InputError(f"{path}: this run has no category model yet; there is one after its warm-up, try again then")
    raise InputError(
        f"{path}: expected a scene bank made by `triptych fit`, a folder of `triptych train`, or a category model"
    )


@dataclass(frozen=True, eq=False)
class LoadedScenes:
    """A category model and its scenes, as they stood when they were read.

    Attributes:
        model: the category model.
        scenes: the scenes of a bank by name; those added later appear by themselves.
        unsaved: scenes that no bank has in this state, by name; they come before those of the bank.
    """

    model: CategoryModel
    scenes: Mapping[str, Scene]
    unsaved: Mapping[str, Scene] = field(default_factory=dict)

    def names(self) -> list[str]:
        """Every name that can be chosen, each once: the mean scene, unsaved ones, then those of the bank."""
        mean = MEAN_SCENE
        while mean in self.scenes or mean in self.unsaved:
            mean = f"({mean})"
        return [mean, *self.unsaved, *(name for name in self.scenes if name not in self.unsaved)]

    def scene(self, name: str) -> Scene:
        """One scene; the mean one also in place of a name that is gone.

        Raises:
            InputError: it is damaged.
        """
        if name in self.unsaved:
            return self.unsaved[name]
        if name in self.scenes:
            return self.scenes[name]
        return Scene.start_of(self.model)


class WatchedScenes:
    """What ``path`` holds, read again whenever it changes on the disk; many threads may look at once.

    Args:
        path: as for ``locate``.
        model: the bank's category model, where it does not find it by itself.
        device: where to render.

    Attributes:
        loaded: what was read last.
        generation: how often it was read.

    Raises:
        InputError: there is nothing that can be shown.
    """

    def __init__(self, path: Path, model: Path | None, device: torch.device) -> None:
        self._path, self._model, self._device = path, model, device
        self._lock = Lock()
        self._files = locate(path)
        self._stamp = self._files.stamp()
        self.loaded = load(self._files, model, device)
        self.generation = 1
        self._names = self.loaded.names()

    def refresh(self) -> bool:
        """Look at the disk, and whether there is anything new to show.

        While files are being replaced they may be unreadable for a moment: then what was read last stays, and the
        next call tries again.
        """
        with self._lock:
            try:
                files = locate(self._path)
                stamp = files.stamp()
                if (files, stamp) != (self._files, self._stamp):
                    self.loaded = load(files, self._model, self._device)
                    self._files, self._stamp = files, stamp
                    self._names = self.loaded.names()
                    self.generation += 1
                    return True
                names = self.loaded.names()
            except (InputError, OSError):
                return False
            grown, self._names = names != self._names, names
            return grown

    def show_unsaved(self, scene: Scene) -> None:
        """Show a scene that is not in the bank, in place of the one before; ``loaded`` is another one then.

        Raises:
            InputError: it is of another model than what is shown by now.
        """
        with self._lock:
            if scene.model is not self.loaded.model:
                raise InputError(f"{scene.name}: the model was saved again meanwhile; fit the scene with the new one")
            self.loaded = replace(self.loaded, unsaved={scene.name: scene})
            self._names = self.loaded.names()


def load(files: SourceFiles, model: Path | None, device: torch.device) -> LoadedScenes:
    """Read what these folders hold.

    Args:
        files: from ``locate``.
        model: category model to use for a bank in place of the one that would be found.
        device: where to render.

    Raises:
        InputError: something is missing, damaged or of another model.
    """
    if files.bank is not None:
        scenes = open_scenes(files.bank, model or files.model, device)
        return LoadedScenes(scenes.model, scenes)
    assert files.model is not None
    model_alone = CategoryModel.load(files.model)
    checkpoint = files.newest_checkpoint()
    if checkpoint is None:
        return LoadedScenes(model_alone.to(device), {})
    return _unfinished(model_alone, checkpoint, device)


def _unfinished(model: CategoryModel, checkpoint: Path, device: torch.device) -> LoadedScenes:
    """Model and scenes as the last checkpoint of a stage-1 run holds them."""
    try:
        tensors = read_checkpoint(checkpoint).tensors
        run = checkpoint.parents[1] / RUN_FILE
        names = list(field_of(field_of(read_json(run), "config", dict, run), "scenes", dict, run))
        model.load_state_dict({key: tensors[f"model.{key}"] for key in model.state_dict()})
        micro, coefficients = tensors["scenes.micro.values"], tensors["scenes.coefficients.values"]
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{checkpoint}: expected a checkpoint of this run's category model ({error})") from None
    model.to(device)
    parts = zip(names, micro.to(device), coefficients.to(device), strict=True)
    return LoadedScenes(model, {name: Scene(model, planes, own, name) for name, planes, own in parts})


def _file_stamp(file: Path | None) -> tuple[int, int] | None:
    if file is None or not file.is_file():
        return None
    status = file.stat()
    return status.st_mtime_ns, status.st_ino
