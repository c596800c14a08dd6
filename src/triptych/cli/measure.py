"""The demonstration, and the measurements of speed and quality. What they need is loaded when they run."""

from dataclasses import dataclass, field
from typing import Annotated

import tyro

from triptych.benchmark import BenchConfig
from triptych.cli.options import Cluster, Machine, say
from triptych.experiments.config import DemoConfig, QualityConfig, ReproduceConfig
from triptych.progress import Progress


@dataclass(frozen=True)
class Demo:
    """Fit never-seen procedural cars with the category model that comes with triptych; a report to look at."""

    config: Annotated[DemoConfig, tyro.conf.arg(name="")] = field(default_factory=DemoConfig)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.experiments.demo import run_demo
        from triptych.runtime import choose_device
        from triptych.training.conditions import Conditions

        device = choose_device(self.machine.device)
        with Progress() as progress:
            report = run_demo(self.config, Conditions(self.machine.seed, device, progress))
        say(f"open {report}")


@dataclass(frozen=True)
class Bench:
    """Measure what rendering and training steps cost on this machine, the fused kernel against the reference."""

    config: Annotated[BenchConfig, tyro.conf.arg(name="")] = field(default_factory=BenchConfig)

    def run(self) -> None:
        from triptych.benchmark import run_benchmark

        with Progress() as progress:
            _, table = run_benchmark(self.config, progress)
        say(*table.split("\n"))


@dataclass(frozen=True)
class Reproduce:
    """Regenerate the tables, figures and videos of the slides: all baselines and ablations. Takes an hour or two."""

    config: Annotated[ReproduceConfig, tyro.conf.arg(name="")]
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)
    cluster: Annotated[Cluster, tyro.conf.arg(name="")] = field(default_factory=Cluster)

    def run(self) -> None:
        from triptych.experiments.reproduce import run_reproduce
        from triptych.training.conditions import open_conditions

        with open_conditions(self.machine.device, self.machine.seed, self.cluster.ray) as conditions:
            report = run_reproduce(self.config, conditions)
        say(f"open {report}")


@dataclass(frozen=True)
class Quality:
    """Measure a category model against RGB tri-planes: quality of never-seen scenes against time. Takes hours."""

    config: Annotated[QualityConfig, tyro.conf.arg(name="")] = field(default_factory=QualityConfig)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)
    cluster: Annotated[Cluster, tyro.conf.arg(name="")] = field(default_factory=Cluster)

    def run(self) -> None:
        from triptych.experiments.quality import run_quality
        from triptych.experiments.quality_report import as_markdown
        from triptych.training.conditions import open_conditions

        with open_conditions(self.machine.device, self.machine.seed, self.cluster.ray) as conditions:
            results = run_quality(self.config, conditions)
        say(*as_markdown(results).split("\n"))
