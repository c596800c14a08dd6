"""Looking at scenes in the browser."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import tyro

from triptych.cli.options import Machine, say
from triptych.data import DatasetConfig
from triptych.options import Range
from triptych.progress import Progress
from triptych.viewer import NewScenes, ViewerConfig


@dataclass(frozen=True)
class View:
    """Look at the scenes of a bank in the browser, from any side, and at new ones while they are fitted; needs
    `pip install "triptych[viewer]"`."""

    path: tyro.conf.Positional[Path]
    """A scene bank, the folder of a `triptych train` run (also while it runs), or a model, also "objects" or "cars"."""
    model: Path | None = None
    """Category model of the bank; not needed when the bank keeps its own copy or belongs to a shipped one."""
    data: Path | None = None
    """Dataset of the scenes: shows its cameras and pictures, and the error at them. Scenes of it that are new can be
    fitted while you look at them."""
    out: Path | None = None
    """Bank that keeps scenes which are fitted in the viewer; if not given, the one that is shown."""
    resolution: Annotated[int, Range(1, 16_384)] | None = None
    """Box-downscale the pictures of the dataset, and those that a browser sends, to this width."""
    compare: Path | None = None
    """A second bank, run or model with scenes of the same names, to show beside the first."""
    viewer: Annotated[ViewerConfig, tyro.conf.arg(name="")] = field(default_factory=ViewerConfig)
    machine: Annotated[Machine, tyro.conf.arg(name="")] = field(default_factory=Machine)

    def run(self) -> None:
        from triptych.data.opening import open_data
        from triptych.runtime import choose_device
        from triptych.viewer import open_viewer

        device = choose_device(self.machine.device)
        dataset = None
        if self.data is not None:
            with Progress() as progress:
                dataset = open_data(DatasetConfig(self.data, resolution=self.resolution), progress)
        server = open_viewer(
            self.path,
            self.viewer,
            device=device,
            model=self.model,
            compare=self.compare,
            dataset=dataset,
            new=NewScenes(self.out, self.resolution, self.machine.seed),
        )
        say(f"open {server.url} in a browser; Ctrl-C ends the viewer")
        try:
            server.wait()
        except KeyboardInterrupt:
            say("stopped")
        finally:
            server.stop()
