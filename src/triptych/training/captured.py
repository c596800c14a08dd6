"""Steps of stage 2 on random pixels: what the CPU decides of each goes to the GPU as a few tensors; the rest is the
same work every time, which the GPU repeats without Python (a CUDA graph).

A step has some 300 launches, and computes for less time than Python takes to ask for them. Where nothing computes by
itself the same function is called as it is.
"""

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from triptych.runtime import computes_by_itself, send_into, sent
from triptych.training.chosen import Chooser
from triptych.training.move import Move
from triptych.training.pixels import DrawnPixels
from triptych.training.step import Work, draw_pixels, losses_of_drawn, take_step

BEFORE = 2
"""Steps of a kind that are taken as any other before one is recorded: kernels are compiled and loaded by then."""


class Steps:
    """The steps of a phase in which scenes alone move, all of them in every step.

    Steps on whole views, and those in which scenes are sampled everywhere, are taken as any other. So are all where
    recording fails, of which a note is made. Before some steps scenes look up their empty cells, which is not recorded.
    Of the kinds of steps one follows another: the recording of one at a time is kept, which holds as much memory as a
    step takes.

    Args:
        work: of the phase.
        chooser: always of all scenes.
    """

    def __init__(self, work: Work, chooser: Chooser) -> None:
        self._work, self._chooser = work, chooser
        self._scenes = torch.arange(len(work.scenes.visits))
        self._rows = sent(self._scenes, work.model.aabb.device)
        self._repeats = bool(work.phase.pixels)
        self._kind: tuple[int, ...] = ()
        self._taken = 0
        self._recording: Recording | None = None

    def take(self, step: int) -> None:
        """Take a step."""
        work, scenes = self._work, self._work.scenes
        if not self._repeats or not self._is_as_always:
            take_step(work, step, self._chooser)
            return
        move = work.phase.move(step, self._chooser.views_per_epoch)
        numbers = scenes.numbers_of(move)
        # Whatever else differs between steps is in their tensors.
        kind = *(rate > 0 for rate in (move.micro, move.coefficients, move.modes)), move.as_learned, len(numbers)
        if kind != self._kind:
            self._kind, self._taken, self._recording = kind, 0, None
        self._taken += 1
        if self._taken <= BEFORE:
            take_step(work, step, self._chooser)
        else:
            self._repeat(step, move, numbers)

    @property
    def _is_as_always(self) -> bool:
        """Whether the next step is of all scenes together, none of which is sampled everywhere, and compares with
        latents that the device has already."""
        work = self._work
        is_everywhere = work.skipping.everywhere and len(work.scenes.due(self._scenes, work.skipping)) > 0
        return work.parts.count == 1 and not is_everywhere and work.latent_views.device == self._rows.device

    def _repeat(self, step: int, move: Move, numbers: Tensor) -> None:
        chosen = self._chooser.choose(step, self._work.phase.batch)
        tensors = numbers, *draw_pixels(self._work, chosen, step).tensors
        if self._recording is None:
            self._record(self.function(move, chosen.loss_scale, step), tensors)
        if self._recording is None:
            take_step(self._work, step, self._chooser)
        else:
            self._look_up_empty()
            self._recording(tensors)
            self._work.scenes.visits += 1

    @torch.no_grad()
    def _look_up_empty(self) -> None:
        work, scenes = self._work, self._work.scenes
        due = scenes.due(self._scenes, work.skipping)
        if len(due):
            field = work.model.field(*scenes.leaves(self._rows))
            scenes.look_up_empty(field, self._scenes, due, work.skipping, work.backend)

    def _record(self, function: Callable[..., None], tensors: tuple[Tensor, ...]) -> None:
        """Record what a step does, or say why not. The error, which holds what had been computed, ends here."""
        try:
            self._recording = Recording(function, tensors, self._rows.device)
        except RuntimeError as error:  # no memory left, or something that this version of torch does not record
            self._repeats = False
            reason = str(error).partition("\n")[0]
            self._work.note(f"note: steps are not recorded, which gives the same, and takes longer: {reason:.200}")

    def function(self, move: Move, loss_scale: float, step: int) -> Callable[..., None]:
        """What a step of this kind does on the device, with numbers and what has been drawn."""
        work, rows, scenes = self._work, self._rows, self._work.scenes
        sampler = work.sampler(step, self._chooser.views_per_epoch)

        def moved(numbers: Tensor, *drawn: Tensor) -> None:
            leaves = scenes.leaves(rows)
            field = replace(work.model.field(*leaves), occupancy=scenes.occupancy[rows])
            losses = losses_of_drawn(work, field, DrawnPixels(*drawn), sampler)
            (losses.total(work.phase.weights) * loss_scale).backward()
            scenes.step(rows, leaves, move, numbers)

        return moved


class Recording:
    """A function of tensors, to be called often with tensors of the same shapes.

    On a GPU its launches are recorded, and then repeated without it: it must do the same whatever is in its tensors,
    and neither read from the device nor copy from the CPU. What it returns is lost.

    Args:
        function: of tensors on the device.
        tensors: of the shapes and types of those of all calls; what is in them does not matter.
        device: what computes.
    """

    def __init__(self, function: Callable[..., object], tensors: tuple[Tensor, ...], device: torch.device) -> None:
        self._function, self._graph = function, None
        self._tensors = [torch.empty_like(tensor, device=device) for tensor in tensors]
        if computes_by_itself(device):
            self._graph = torch.cuda.CUDAGraph()
            # Where recording fails, torch may not return from the stream that it records: the outer context does.
            usual = torch.cuda.stream(torch.cuda.current_stream(device))
            # Other threads, which may draw pictures meanwhile, are free to do what must not be recorded.
            with usual, torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                function(*self._tensors)

    def __call__(self, tensors: tuple[Tensor, ...]) -> None:
        """Do it, with these tensors on the CPU."""
        for own, tensor in zip(self._tensors, tensors, strict=True):
            send_into(own, tensor)
        if self._graph is None:
            self._function(*self._tensors)
        else:
            self._graph.replay()
