"""The stages: train a category model, fit new scenes, measure them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from triptych.bank import StoragePrecision
from triptych.cli.defaults import Configurable
from triptych.cli.options import Cluster, Logs, Machine, TrainingMachine, say
from triptych.data import DatasetConfig
from triptych.errors import InputError
from triptych.evaluation.config import BankDataConfig
from triptych.files import as_fields
from triptych.progress import Progress
from triptych.training.config import DEFAULT_PRESET, Preset, Stage1Config, Stage2Config
from triptych.training.phase import Epochs
from triptych.training.predicting.config import PredictorTraining
from triptych.training.presets import STAGE1, STAGE2, stage2_preset
from triptych.training.rehearsing.config import Rehearsing
from triptych.training.watching import Watch


@dataclass(frozen=True)
class Train(Configurable):
    """Stage 1: train a category model on many scenes. Rerun the same command to go on after a stop."""

    presets = STAGE1

    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the run; the category model will be its subfolder "model"."""
    preset: Preset = DEFAULT_PRESET
    """Where all settings below start from: colors for a quarter of an hour and objects of any kind, in image space;
    best for the same in an hour; general for the latent space of an autoencoder that is trained already; quick for a
    first look at many plain ones with an autoencoder of their own, latent for an hour with one, paper for the
    published recipe."""
    dry_run: bool = False
    """Check everything, show the settings and about what the work will take, and do nothing else; only the cache of
    pictures is written."""
    log: Logs = ("tensorboard",)
    config: Annotated[Stage1Config, tyro.conf.arg(name="")] = STAGE1[DEFAULT_PRESET]
    machine: Annotated[TrainingMachine, tyro.conf.arg(name="")] = field(default_factory=TrainingMachine)

    def run(self) -> None:
        from triptych.data.opening import open_data
        from triptych.runtime import choose_device
        from triptych.training.conditions import Conditions
        from triptych.training.joining import joined
        from triptych.training.stage1 import plan, train

        if self.config.leaves_autoencoder_random:
            raise InputError(
                "--autoencoder.kind convolutional: it starts from random weights and would keep them, since these "
                "settings neither pretrain it nor train it in the joint phase; add --preset quick or latent"
            )
        asked = choose_device(self.machine.device)
        with joined(asked) as (ranks, device), Progress(quiet=not ranks.is_first) as progress:
            with ranks.first_here_first():
                scenes = open_data(self.data, progress, "train")
            conditions = Conditions(self.machine.seed, device, progress, watch=Watch(logs=self.log), ranks=ranks)
            if self.dry_run:
                estimate = plan(scenes, self.out, self.config, conditions)
                if ranks.is_first:
                    _say_plan(self.config, estimate)
                return
            train(scenes, self.out, self.config, conditions)
        if ranks.is_first:
            say(f"category model in {self.out / 'model'}; look at {self.out / 'progress.png'}")


@dataclass(frozen=True)
class Predictor(Configurable):
    """Train what predicts new scenes of a category model from their views; `triptych fit` then starts from there.

    All else of the model stays as it is. Rerun the same command to go on after a stop."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Category model, the folder of the run that trained it, or one that comes with triptych: "objects" or "cars"."""
    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the run; the category model with its predictor will be its subfolder "model"."""
    log: Logs = ("tensorboard",)
    config: Annotated[PredictorTraining, tyro.conf.arg(name="")] = field(default_factory=PredictorTraining)
    machine: Annotated[TrainingMachine, tyro.conf.arg(name="")] = field(default_factory=TrainingMachine)

    def run(self) -> None:
        from triptych.data.opening import open_data
        from triptych.model import CategoryModel, find_model
        from triptych.runtime import choose_device
        from triptych.training.conditions import Conditions
        from triptych.training.joining import joined
        from triptych.training.predicting.run import train_predictor

        asked = choose_device(self.machine.device)
        with joined(asked) as (ranks, device), Progress(quiet=not ranks.is_first) as progress:
            model = CategoryModel.load(find_model(self.model))
            with ranks.first_here_first():
                scenes = open_data(self.data, progress, "train")
            conditions = Conditions(self.machine.seed, device, progress, watch=Watch(logs=self.log), ranks=ranks)
            train_predictor(model, scenes, self.out, self.config, conditions)
        if ranks.is_first:
            say(f"category model with its predictor in {self.out / 'model'}")


@dataclass(frozen=True)
class Rehearse(Configurable):
    """Make a category model in image space (presets colors, best) better at new scenes in few steps: some are fitted as
    new ones are, over and over, and its tiny MLP moves along. Then it learns their first step.

    The result is another model, except with --rounds 0: banks of the one before are none of its. Rerun the same command
    to go on after a stop."""

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Category model, the folder of the run that trained it, or one that comes with triptych: "objects"."""
    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the run; the new category model will be its subfolder "model"."""
    log: Logs = ("tensorboard",)
    config: Annotated[Rehearsing, tyro.conf.arg(name="")] = field(default_factory=Rehearsing)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.data.opening import open_data
        from triptych.model import CategoryModel, find_model
        from triptych.runtime import choose_device
        from triptych.training.conditions import Conditions
        from triptych.training.joining import require_alone
        from triptych.training.rehearsing.run import rehearse

        require_alone("rehearse", "start it without torchrun")
        folder = find_model(self.model)
        model = CategoryModel.load(folder)
        stage2 = STAGE2[stage2_preset(model.origin.stage2, folder)]
        with Progress() as progress:
            scenes = open_data(self.data, progress, "train")
            watch = Watch(logs=self.log)
            conditions = Conditions(self.machine.seed, choose_device(self.machine.device), progress, watch=watch)
            rehearse(model, scenes, self.out, self.config, stage2, conditions)
        say(f"category model in {self.out / 'model'}")


@dataclass(frozen=True)
class Fit(Configurable):
    """Stage 2: fit new scenes into a bank. Scenes that are in it already are left alone."""

    presets = STAGE2

    model: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="MODEL")]
    """Category model, the folder of the run that trained it, or one that comes with triptych: "objects" or "cars"."""
    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the bank."""
    preset: Preset | None = None
    """Where the settings below start from; if not given, the preset that suits the scenes of the model. The defaults
    that are listed here are those of colors."""
    precision: StoragePrecision | None = None
    """How the micro planes are stored: compact, by what is seen of them, at hardly any loss; small, in about half the
    bytes of compact; or as numbers. If not given, as the bank that is there does, and compactly in a new one."""
    force: bool = False
    """Fit scenes that reach beyond the model's box, and store those that fitting has not improved, too."""
    epochs: Epochs | None = None
    """Passes over the training views of a scene in both phases together, shared out as the settings below do; 0 takes
    the start, mean or predicted, as it is. Presets that count steps (colors, general) have --latent.step-count."""
    dry_run: bool = False
    """Check everything, show the settings and about what the work will take, and do nothing else; only the cache of
    pictures is written."""
    config: Annotated[Stage2Config, tyro.conf.arg(name="")] = STAGE2[DEFAULT_PRESET]
    machine: Annotated[TrainingMachine, tyro.conf.arg(name="")] = field(default_factory=TrainingMachine)
    cluster: Annotated[Cluster, tyro.conf.arg(name="")] = field(default_factory=Cluster)

    def own_preset(self) -> Preset:
        from triptych.model import find_model
        from triptych.model.places import read_preset

        folder = find_model(self.model)
        return stage2_preset(read_preset(folder), folder) if self.preset is None else self.preset

    def run(self) -> None:
        from triptych.data.opening import open_data
        from triptych.model import CategoryModel, find_model
        from triptych.runtime import open_workers
        from triptych.training.conditions import Conditions
        from triptych.training.joining import require_alone
        from triptych.training.stage2 import fit, plan, summary

        require_alone("fit", "start it without torchrun, on the workers of a cluster with --ray")
        if self.cluster.ray is not None and self.config.finetune_shared:
            raise InputError(
                "--ray: --finetune-shared trains all scenes together, in one process; leave one of them out"
            )
        model = CategoryModel.load(find_model(self.model))
        with Progress() as progress, open_workers(self.cluster.ray) as workers:
            device = workers.choose_device(self.machine.device)
            scenes = open_data(self.data, progress, "test")
            conditions = Conditions(self.machine.seed, device, progress, workers=workers)
            if self.preset is None and self.config_file is None:
                progress.note(f"settings of preset {self.own_preset()}, which suits the model's scenes")
            config = self.config if self.epochs is None else self.config.lasting(self.epochs)
            if self.dry_run:
                _say_plan(config, plan(model, scenes, self.out, config, conditions, force=self.force))
                return
            bank = fit(model, scenes, self.out, config, conditions, precision=self.precision, force=self.force)
        say(f"{summary(bank, scenes)}; more with `triptych eval`")


@dataclass(frozen=True)
class Evaluate:
    """Measure the scenes of a bank on views that they were not fitted to."""

    bank: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="BANK")]
    """The scene bank."""
    data: Annotated[BankDataConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder for metrics.json, metrics.md and comparison.png."""
    model: Path | None = None
    """Category model of the bank; not needed when the bank keeps its own copy."""
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.bank import open_scenes
        from triptych.evaluation.evaluate import measure, measured_on, write_evaluation
        from triptych.evaluation.held_out import find_on_disk
        from triptych.runtime import choose_device

        scenes = open_scenes(self.bank, self.model, choose_device(self.machine.device))
        with Progress() as progress:
            measurable = find_on_disk(scenes, self.data, progress)
            progress.start("evaluate", len(measurable.scenes))
            evaluation = measure(scenes, measurable, on_scene=lambda name: progress.advance())
        write_evaluation(evaluation, self.out, measured_on(scenes, measurable))
        say(*evaluation.markdown().split("\n"))
        say(f"look at {self.out / 'comparison.png'}")


def _say_plan(config: Stage1Config | Stage2Config, estimate: object) -> None:
    say(*json.dumps(as_fields(config), indent=2).split("\n"))
    say(f"{estimate or 'all scenes are in the bank already'}; nothing was begun (--dry-run)")
