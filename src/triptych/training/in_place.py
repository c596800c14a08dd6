"""Steps of new scenes on a CPU whose full planes stay in place.

Half of the time of a usual step on random pixels goes into putting planes together, handing gradients on, and a pass
over all texels for each operation on them. Here the kernel fills one gradient of the full planes, from which one pass
over their texels takes all of the step.
"""

from collections.abc import Callable

import torch

from triptych.representation.kernels import renders_in_place
from triptych.representation.kernels.cpu import rows
from triptych.training.captured import Steps
from triptych.training.chosen import Chooser
from triptych.training.move import Move
from triptych.training.row_adam import RowAdam
from triptych.training.step import Work, draw_pixels


def steps_of(work: Work, chooser: Chooser) -> Callable[[int], None]:
    """The fastest way to take the steps, by their numbers, of a phase in which scenes alone move, all of them in every
    step."""
    return (InPlaceSteps if InPlaceSteps.can_take(work) else Steps)(work, chooser).take


class InPlaceSteps:
    """The steps of a phase in which scenes alone move, all of them in every step: as ``take_step`` but for rounding.

    Args:
        work: of the phase, see ``can_take``.
        chooser: always of all scenes.
    """

    def __init__(self, work: Work, chooser: Chooser) -> None:
        scenes = work.scenes
        assert isinstance(scenes.micro, RowAdam), "see can_take"
        self._work, self._chooser, self._micro = work, chooser, scenes.micro
        with torch.no_grad():
            self._field = work.model.field(scenes.micro.values, scenes.coefficients.values)
            self._gradient = torch.empty_like(self._field.planes)

    @staticmethod
    def can_take(work: Work) -> bool:
        """Whether these are the phase's steps, and this machine takes them in place."""
        phase, scenes, planes = work.phase, work.scenes, work.model.config.planes
        if work.model.aabb.device.type != "cpu" or not phase.pixels or phase.weights.tv or work.moves_shared:
            return False
        parts_lie_apart = planes.micro_features and (not planes.macro_features or planes.combine == "concat")
        if not parts_lie_apart or type(scenes.micro) is not RowAdam:
            return False
        with torch.no_grad():
            field = work.model.field(scenes.micro.values[:1], scenes.coefficients.values[:1])
        return rows.supports(field.planes) and renders_in_place(field, work.sampler(0, 1).sampling, work.backend)

    @torch.no_grad()
    def take(self, step: int) -> None:
        """Take a step."""
        work, scenes, per_epoch = self._work, self._work.scenes, self._chooser.views_per_epoch
        chosen = self._chooser.choose(step, work.phase.batch)
        field = scenes.skip_empty(self._field, chosen.batch.scenes, work.skipping, work.backend)
        pixels = work.latent_views.at(draw_pixels(work, chosen, step), len(chosen.generators))
        sampler, weights = work.sampler(step, per_epoch, chosen.generators), work.phase.weights
        pixels.fill_gradient(field, sampler, weights.opacity, self._gradient)
        self._move(chosen.loss_scale * weights.enc, work.phase.move(step, per_epoch))

    def _move(self, scale: float, move: Move) -> None:
        """Move the scenes from the gradient of their planes, which is to be multiplied by ``scale``."""
        scenes, base, everyone = self._work.scenes, self._work.model.base.flatten(1), torch.arange(len(self._gradient))
        micro = self._micro.values.shape[-1]
        own, shared = self._field.planes[..., :micro], self._field.planes[..., micro:]
        of_own, of_shared = self._gradient[..., :micro], self._gradient[..., micro:]
        learned = scenes.first_step if move.as_learned else None
        if learned is not None:
            moves, ways = learned.moves(scale * of_own, scale * of_shared.flatten(1) @ base.T)
            self._micro.values += moves
            scenes.coefficients.values += ways
        elif move.modes and scenes.along is not None:
            self._micro.values += scenes.along.step(everyone, of_own, move.modes, scale)
        if learned is None and move.coefficients and len(base):
            scenes.coefficients.step(everyone, scale * of_shared.flatten(1) @ base.T, move.coefficients)
        if len(base) and (learned is not None or move.coefficients):
            shared.copy_((scenes.coefficients.values @ base).view_as(shared))
        if move.micro:
            self._micro.step_within(self._field.planes, self._gradient, scale, move)
        else:
            own.copy_(self._micro.values)
