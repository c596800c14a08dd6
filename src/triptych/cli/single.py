"""Scenes by themselves: RGB tri-planes for a whole dataset, and one scene as any kind of field."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from triptych.cli.defaults import Configurable
from triptych.cli.options import Cluster, Logs, Machine, TrainingMachine, say
from triptych.data import DatasetConfig
from triptych.progress import Progress
from triptych.training.single.config import AnySingleConfig, SingleNeRF, SingleTriPlanes
from triptych.training.watching import Watch


@dataclass(frozen=True)
class Rgb(Configurable):
    """Fit RGB tri-planes, each scene by itself: a bank of its own that keeps its tiny MLP."""

    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the banks, one per scene; rerun to go on after a stop, or to add scenes."""
    config: Annotated[SingleTriPlanes, tyro.conf.arg(name="")] = field(default_factory=SingleTriPlanes)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)
    cluster: Annotated[Cluster, tyro.conf.arg(name="")] = field(default_factory=Cluster)

    def run(self) -> None:
        from triptych.data.opening import open_data
        from triptych.training.conditions import open_conditions
        from triptych.training.single.banks import fit_rgb_scenes

        with open_conditions(self.machine.device, self.machine.seed, self.cluster.ray) as conditions:
            scenes = open_data(self.data, conditions.progress, "test")
            banks = fit_rgb_scenes(scenes, self.out, self.config, conditions)
        say(f"{len(banks)} banks in {self.out}; measure each with `triptych eval`")


@dataclass(frozen=True)
class Single(Configurable):
    """Fit one scene by itself: as tri-planes, a NeRF or signed distances, in image or latent space."""

    data: Annotated[DatasetConfig, tyro.conf.arg(name="")]
    out: Path
    """Folder of the run; rerun to go on after a stop."""
    model: Path | None = None
    """Fit in the latent space of this category model; in image space if not given."""
    mesh: Path | None = None
    """Write the scene's surface too, to a file that ends in .glb (y up), .ply or .obj (z up)."""
    log: Logs = ("tensorboard",)
    config: Annotated[AnySingleConfig, tyro.conf.arg(name="")] = field(default_factory=SingleNeRF)
    machine: Annotated[TrainingMachine, tyro.conf.arg(name="")] = field(default_factory=TrainingMachine)

    def run(self) -> None:
        from triptych.data.opening import open_data
        from triptych.export import check_mesh_file, export_mesh
        from triptych.model import CategoryModel, find_model
        from triptych.runtime import choose_device
        from triptych.training.conditions import Conditions
        from triptych.training.single.run import fit_single
        from triptych.training.single.targets import image_space

        if self.mesh is not None:
            check_mesh_file(self.mesh)
        device = choose_device(self.machine.device)
        space = None if self.model is None else CategoryModel.load(find_model(self.model))
        with Progress() as progress:
            chosen = open_data(self.data, progress, "test").subset([0])
            conditions = Conditions(self.machine.seed, device, progress, watch=Watch(logs=self.log))
            scene = fit_single(chosen, self.out, self.config, space or image_space(chosen), conditions)
        say(f"scene {scene.name}: {scene.quality()}")
        say(f"look at {self.out / 'progress.png'}")
        if self.mesh is not None:
            export_mesh(self.mesh, scene)
            say(f"wrote {self.mesh}")
