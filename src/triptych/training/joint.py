"""Training many scenes together with what they share: the phases of stage 1, and of stage 2's published recipe."""

from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from triptych.data.posed_views import Batch, PosedViews
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.pictures import write_progress_picture
from triptych.representation.occupancy import with_occupancy
from triptych.training.chosen import Chooser, Chosen
from triptych.training.config import SkippingConfig
from triptych.training.loop import Loop, TrainingState, scene_stream, seed_stream, step_generator
from triptych.training.phase import Phase
from triptych.training.scenes import SceneParameters
from triptych.training.step import Work, take_step

EVALUATIONS = 20
"""How often a phase measures the test PSNR."""


@dataclass(frozen=True)
class ShuffledViews:
    """Each step takes the next views of one shuffle over all views of all scenes."""

    views: PosedViews
    seed: int

    @property
    def views_per_epoch(self) -> int:
        """All training views of all scenes."""
        return len(self.views)

    def passes(self, step: int, batch: int) -> int:
        """How often all views have been taken when a step with so many begins."""
        return step * batch // len(self.views)

    def choose(self, step: int, batch: int) -> Chosen:
        """The views of a step; its scenes share one generator."""
        views = self.views.batch(step, batch, self.seed)
        generator = step_generator(seed_stream(self.seed), step)
        return Chosen(views, [generator] * len(views.scenes), 1.0, passes=self.passes(step, batch))


@dataclass(frozen=True)
class ViewsOfRank:
    """Each step takes the views that `ShuffledViews` takes, each rank those of its own scenes.

    Each scene has random numbers of its own, so that a step is the same however the scenes are divided.

    Attributes:
        everyone: the views of all ranks.
        own: the views of this rank's scenes.
        scenes: which of all scenes these are.
    """

    everyone: ShuffledViews
    own: PosedViews
    scenes: range

    @property
    def views_per_epoch(self) -> int:
        """All training views of all scenes."""
        return self.everyone.views_per_epoch

    @cached_property
    def _first_row(self) -> int:
        return int(np.searchsorted(self.everyone.views.scene_of_row, self.scenes.start))

    @cached_property
    def _streams(self) -> list[int]:
        return [scene_stream(fingerprint, self.everyone.seed) for fingerprint in self.own.dataset.fingerprints]

    def generators_at_start(self) -> list[torch.Generator]:
        """The random numbers that each scene begins with; those of the steps are others."""
        return [step_generator(stream, -1) for stream in self._streams]

    def choose(self, step: int, batch: int) -> Chosen:
        """This rank's part of the views of a step, which may be none."""
        whole = self.everyone.views.batch(step, batch, self.everyone.seed)
        rows = whole.rows - self._first_row
        part = self.own.group(rows[(rows >= 0) & (rows < len(self.own))])
        generators = [step_generator(self._streams[scene], step) for scene in part.scenes.tolist()]
        shares = len(part.rows) / len(whole.rows), len(part.scenes) / len(whole.scenes)
        return Chosen(part, generators, 1.0, *shares, self.everyone.passes(step, batch))


@dataclass
class JointTraining:
    """Everything that the phases work on.

    Attributes:
        model: the shared parts.
        scenes: the scenes' own parts.
        skipping: when their empty cells are looked up again.
        views: training views.
        test_views: views that are never trained on, for the PSNR shown.
        chooser: which of the views take part in each step.
        loop: where the steps are taken.
    """

    model: CategoryModel
    scenes: SceneParameters
    skipping: SkippingConfig
    views: PosedViews
    test_views: PosedViews
    chooser: Chooser
    loop: Loop

    def run_phase(self, name: str, phase: Phase) -> None:
        """Take the steps of a phase that are still to be taken."""
        ranks = self.loop.ranks
        work = Work(
            phase, self.model, self.scenes, self.views, self.skipping, ranks=ranks, note=self.loop.progress.note
        )
        parts = {"model": self.model, "scenes": self.scenes}
        state = TrainingState(parts, work.optimizer, divided=("scenes",))
        for step in self.loop.steps(name, phase.steps(self.chooser.views_per_epoch), state):
            losses = take_step(work, step.number, self.chooser)
            total = losses.total(phase.weights)
            step.report({"loss": total}, {"total": total, **vars(losses)})
            watched = ranks.is_first and step.is_one_of(EVALUATIONS)
            if watched and (found := self.test_psnr(write_picture=True)) is not None:
                step.measure(test_psnr=found)

    @torch.no_grad()
    def test_psnr(self, *, most_scenes: int = 8, views_each: int = 2, write_picture: bool = False) -> float | None:
        """Mean PSNR in dB of a few test views of a few scenes, for watching; `evaluation` does it in full.

        None where there are no test views but those of blank scenes, which would lift the mean.
        """
        device, dataset = self.model.aabb.device, self.test_views.dataset
        telling = (scene for scene in range(len(dataset)) if not dataset.is_blank(scene))
        rows = [row for scene in islice(telling, most_scenes) for row in self.test_views.rows_of(scene)[:views_each]]
        if not rows:
            return None
        batch = self.test_views.group(rows)
        rendered = self._render(batch)
        images = self.test_views.images(batch, device)
        decoded = self.model.decode(rendered)
        if write_picture:
            encoded = self.model.encode(images)
            picture = self.loop.run.folder / "progress.png"
            write_progress_picture(picture, images, decoded, encoded, rendered)
        return mean(psnr(decoded, images))

    def _render(self, batch: Batch) -> Tensor:
        device = self.model.aabb.device
        field = with_occupancy(self.model.field(*self.scenes.leaves(batch.scenes)))
        cameras = self.test_views.cameras(batch, device)
        size = self.test_views.dataset.picture_size
        rendering = self.model.render_latents(field, cameras, batch.views_per_scene, self.model.background(size))
        return self.model.as_images(rendering.channels, self.model.latent_size_of(*size))
