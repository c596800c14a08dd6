"""Who takes part in a step of training."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import torch

from triptych.data.posed_views import Batch


@dataclass(frozen=True)
class Chosen:
    """What takes part in a step.

    Attributes:
        batch: the views, grouped by scene.
        generators: the random numbers of each scene.
        loss_scale: what the mean over the batch is multiplied by before its gradient is taken.
        of_views: the share of the step's views that this is; the others are on other ranks.
        of_scenes: the share of its scenes.
        passes: how often all views have been taken before.
    """

    batch: Batch
    generators: list[torch.Generator]
    loss_scale: float
    of_views: float = 1.0
    of_scenes: float = 1.0
    passes: int = 0

    def divided(self, parts: int) -> Iterator["Chosen"]:
        """So many parts, or as many as there are scenes, each with about as many scenes.

        Their random numbers begin where those of the step do, however many have been drawn.
        """
        for generator in self.generators:
            generator.manual_seed(generator.initial_seed())
        batch, count = self.batch, len(self.batch.scenes)
        rows = batch.rows.split(batch.views_per_scene)
        for scenes in torch.arange(count).tensor_split(min(parts, count)) if count else ():
            own = slice(int(scenes[0]), int(scenes[-1]) + 1)
            part = Batch(torch.cat(rows[own]), batch.scenes[own], batch.views_per_scene[own])
            of_views, of_scenes = len(part.rows) / len(batch.rows), len(part.scenes) / count
            yield replace(
                self,
                batch=part,
                generators=self.generators[own],
                of_views=of_views * self.of_views,
                of_scenes=of_scenes * self.of_scenes,
            )


@runtime_checkable
class Chooser(Protocol):
    """Who takes part in each step."""

    @property
    def views_per_epoch(self) -> int:
        """Number of views after which an epoch is counted."""
        ...

    def choose(self, step: int, batch: int) -> Chosen:
        """What takes part in a step with ``batch`` views."""
        ...
