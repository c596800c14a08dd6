"""One step of training scenes and what they share: that of stage 1, and that of stage 2.

The stages differ in two things. Who takes part in a step, and with which random numbers, is up to a ``Chooser``
(``joint.ShuffledViews``, ``fitting.EveryScene``). What stays frozen is up to the phase's rates.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from triptych.data.posed_views import PosedViews
from triptych.geometry import Window
from triptych.geometry.silhouettes import object_windows
from triptych.model import CategoryModel
from triptych.model.encoding import encode_views, shrunk_opacities
from triptych.model.reach import Reach, reach_of
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import Backend
from triptych.representation.sampler import Sampler
from triptych.runtime import Parts, computes_by_itself, sent
from triptych.training.chosen import Chooser, Chosen
from triptych.training.config import SkippingConfig
from triptych.training.objective import Losses, batch_losses, pixel_losses
from triptych.training.phase import Phase, Rates
from triptych.training.pixels import DrawnPixels, LatentViews
from triptych.training.ranks import ALONE, Ranks
from triptych.training.scenes import SceneParameters
from triptych.training.seen import Seen, SeenColors, SeenLatents
from triptych.training.suiting import Setting, suited
from triptych.training.targets import Targets


@dataclass
class Work:
    """What the steps of one phase work on.

    Latents and background are made when they are first needed, after a checkpoint has been restored.

    Attributes:
        phase: rates, losses and length; what of it follows the size of pictures and planes is theirs.
        model: what all scenes share.
        scenes: what belongs to each scene.
        views: training views.
        skipping: when the scenes' empty cells are looked up again.
        backend: which kernel renders.
        ranks: the processes that work together.
        note: where to say what a user should know.
        optimizer: Adam over the shared parts that move.
        parts: into how many parts of its scenes a step is divided.
    """

    phase: Phase
    model: CategoryModel
    scenes: SceneParameters
    views: PosedViews
    skipping: SkippingConfig
    backend: Backend = "auto"
    ranks: Ranks = ALONE
    note: Callable[[str], object] = lambda line: None
    optimizer: torch.optim.Optimizer = field(init=False)
    parts: Parts = field(init=False)

    def __post_init__(self) -> None:
        texels, views = self.model.config.planes.resolution, len(self.views) / len(self.views.dataset)
        foretold = float(self.model.first_step.foretold) if self.scenes.first_step else 0.0
        self.phase = suited(self.phase, Setting(*self.model.latent_size_of(*self._size), texels, views, foretold))
        self.optimizer = shared_optimizer(self.model, self.phase.rates)
        self.parts = Parts(self.note)

    @property
    def moves_shared(self) -> bool:
        """Whether anything of what scenes share moves."""
        return any(len(parameter) for group in self.optimizer.param_groups for parameter in group["params"])

    @cached_property
    def latents(self) -> Float[Tensor, "row channel height width"] | None:
        """Normalized latents of all views where a loss needs them, the encoder is frozen and views stay in place."""
        rates, weights = self.phase.rates, self.phase.weights
        if rates.encoder or self.phase.shift_views or not (weights.enc or weights.ae):
            return None
        return encode_views(self.model, self.views, self.model.aabb.device, reach=self.reach)

    @cached_property
    def latent_views(self) -> LatentViews:
        """All views as latent images, for a phase on random pixels."""
        everything, seen = self.views.group(range(len(self.views))), self._seen()
        size = self.model.latent_size_of(*self._size)
        cameras = self.views.cameras(everything, seen.device).resized(*size)
        background = self._background_at_start.to(seen.device)
        boxes, edges = seen.boxes(background), seen.edges() if self.phase.edge_share else None
        views = LatentViews(cameras, seen, background, boxes, self.views.numbers, edges, self.phase.random_background)
        return views.placed(self.model.aabb.device)

    def _seen(self) -> Seen:
        views, compared = self.views, self.phase.weights.opacity > 0
        if self.model.is_image_space:
            return SeenColors.of(self.model, views, compared)
        assert self.latents is not None, "random pixels need cached latents"
        return SeenLatents(
            self.latents, shrunk_opacities(views, self.model.autoencoder.downscale) if compared else None
        )

    def prepare(self) -> None:
        """Make what is made once, some views at a time, before the first step."""
        _ = self.latent_views if self.phase.pixels else self.latents

    def sampler(self, step: int, epoch: int, generators: Sequence[torch.Generator] | None = None) -> Sampler:
        """How rays are chosen and sampled at a step; random pixels have their own random numbers."""
        sampling = self.phase.sampling(self.model.config.sampling, step, epoch)
        return Sampler(sampling, generators, self.backend, self.phase.diagonal(step, sampling))

    def background(self) -> Float[Tensor, "pixel channel"]:
        """The latent of what is behind the objects, which follows an encoder that moves.

        Its gradient reaches that encoder. Without it the encoder runs after its own background: drawn towards what is
        rendered before it, it takes the background along, and latents grow without end.
        """
        return self.model.background(self._size) if self.phase.rates.encoder else self._background_at_start

    @cached_property
    def reach(self) -> Reach | None:
        """How far the autoencoder looks, where the phase compares parts of views; None where these are whole views.

        On a GPU they always are: it would have to say first where the objects lie, and each new size of a part costs
        its convolutions more than the rest of the picture does.
        """
        if self.phase.whole_share == 1 or computes_by_itself(self.model.aabb.device):
            return None
        return reach_of(self.model, self._size)

    def windows(self, images: Float[Tensor, "view 3 height width"]) -> list[Window]:
        """The part of each view to compare: the object, and as far around it as the losses look."""
        weights, reach = self.phase.weights, self.reach
        assert reach is not None
        around = [reach.encoder if weights.enc else 0, reach.decoder if weights.dec else 0]
        margin = max(*around, reach.encoder + reach.decoder if weights.ae else 0)
        return object_windows(images, self.model.background_color, self.model.autoencoder.downscale, margin)

    @cached_property
    @torch.no_grad()
    def _background_at_start(self) -> Float[Tensor, "pixel channel"]:
        return self.model.background(self._size)

    @property
    def _size(self) -> tuple[int, int]:
        return self.views.dataset.picture_size


def take_step(work: Work, step: int, chooser: Chooser) -> Losses:
    """One step of a phase: the shared parts, and the scenes that are chosen.

    Over several ranks, the gradients of the shared parts are summed; those of scenes stay where they are.
    """
    phase, epoch = work.phase, chooser.views_per_epoch
    parts = parts_with_gradients(work, step, chooser)
    losses = _shared_losses(work, [part.losses for part in parts])
    factor = phase.schedule(epoch).factor(step)
    _step_shared(work.optimizer, phase.rates, factor, mlp_frozen=phase.mlp_is_frozen(step, epoch))
    for part in parts:
        work.scenes.step(part.scenes, part.leaves, phase.move(step, epoch))
    return losses


class Part(NamedTuple):
    """Some scenes of a step, after their gradients have been taken.

    Attributes:
        scenes: their numbers.
        leaves: micro planes and coefficients, see ``SceneParameters.leaves``.
        losses: the terms of these scenes.
    """

    scenes: Int[Tensor, " chosen"]
    leaves: tuple[Tensor, Tensor]
    losses: Losses


def parts_with_gradients(work: Work, step: int, chooser: Chooser) -> list[Part]:
    """All scenes of a step, in parts where a GPU has no room for them at the same time."""
    chosen = chooser.choose(step, work.phase.batch)
    scenes = chosen.batch.scenes
    visits = work.scenes.visits[scenes]

    def taken(count: int) -> list[Part]:
        work.optimizer.zero_grad()  # an attempt before may have gone some way
        work.scenes.visits[scenes] = visits
        parts = []
        for part in chosen.divided(count):
            leaves = work.scenes.leaves(part.batch.scenes)
            losses = _losses(work, part, leaves, step, chooser.views_per_epoch)
            parts.append(Part(part.batch.scenes, leaves, losses))
        return parts

    return work.parts.done(taken, len(scenes), "scenes")


def _losses(work: Work, chosen: Chosen, leaves: tuple[Tensor, Tensor], step: int, epoch: int) -> Losses:
    """The terms of a step, after their gradients have been taken."""
    phase, model = work.phase, work.model
    planes = work.scenes.skip_empty(model.field(*leaves), chosen.batch.scenes, work.skipping, work.backend)
    sampler = work.sampler(step, epoch, chosen.generators)
    if phase.pixels:
        losses = losses_of_drawn(work, planes, draw_pixels(work, chosen, step), sampler)
    else:
        targets = _targets(work, chosen, whole=phase.compares_whole_views(step))
        losses = batch_losses(model, planes, targets, phase.weights, sampler)
    of_pixels = chosen.of_scenes if phase.pixels else chosen.of_views  # as many random pixels of each scene
    losses = losses.shares(of_pixels, chosen.of_scenes)
    (losses.total(phase.weights) * chosen.loss_scale).backward()
    return losses.detached()


def _shared_losses(work: Work, own: list[Losses]) -> Losses:
    """The terms of a step over its parts and over all ranks, of which some may have no view in it; gradients are summed
    along."""
    if not work.ranks.are_together and len(own) == 1:
        return own[0]
    terms = torch.zeros(len(fields(Losses)), device=work.model.aabb.device)
    for losses in own:
        terms += torch.stack(list(vars(losses).values()))
    moved = (parameter for group in work.optimizer.param_groups for parameter in group["params"])
    work.ranks.sum_gradients((parameter for parameter in moved if parameter.numel()), terms)
    return Losses(*terms)


def losses_of_drawn(work: Work, planes: TriPlaneField, drawn: DrawnPixels, sampler: Sampler) -> Losses:
    """The terms on pixels that have been drawn of each scene."""
    pixels = work.latent_views.at(drawn, len(planes.planes)).to(work.model.aabb.device)
    return pixel_losses(planes, pixels, work.phase.weights, sampler)


def draw_pixels(work: Work, chosen: Chosen, step: int) -> DrawnPixels:
    """The pixels of a step."""
    rows = chosen.batch.rows.split(chosen.batch.views_per_scene)
    return work.latent_views.draw(rows, work.phase.pixel_counts(step), chosen.generators, chosen.passes)


def _targets(work: Work, chosen: Chosen, *, whole: bool) -> Targets:
    views, batch, device = work.views, chosen.batch, work.model.aabb.device
    if work.phase.shift_views:
        cameras, images = views.shifted(batch, work.model.autoencoder.downscale, chosen.generators, device)
    else:
        weights = work.phase.weights
        only_cached = work.latents is not None and whole and not (weights.ae or weights.dec)
        cameras, images = views.cameras(batch, device), None if only_cached else views.images(batch, device)
    latents = None if work.latents is None else sent(work.latents[batch.rows], device).float()
    of_views = (cameras, batch.views_per_scene, images, latents, work.background())
    if whole or images is None or work.reach is None:
        return Targets(*of_views)
    return Targets(*of_views, work.windows(images), work.reach)


def _step_shared(optimizer: torch.optim.Optimizer, rates: Rates, factor: float, *, mlp_frozen: bool) -> None:
    for group in optimizer.param_groups:
        frozen_now = mlp_frozen and group["part"] == "mlp"
        group["lr"] = 0.0 if frozen_now else factor * getattr(rates, group["part"])
    optimizer.step()
    optimizer.zero_grad()  # now, so that the gradients are not held through the next step


def shared_optimizer(model: CategoryModel, rates: Rates) -> torch.optim.Optimizer:
    """Adam over the shared parts whose rate is above 0; the others get no gradient at all."""
    parts: dict[str, list[nn.Parameter]] = {
        "base": [model.base],
        "mlp": list(model.mlp.parameters()),
        "encoder": list(model.autoencoder.encoder_parameters()),
        "decoder": list(model.autoencoder.decoder_parameters()),
    }
    groups = []
    for part, parameters in parts.items():
        rate = getattr(rates, part)
        for parameter in parameters:
            parameter.requires_grad_(rate > 0)
            parameter.grad = None  # what an earlier phase may have left
        if rate > 0 and any(parameter.numel() for parameter in parameters):
            groups.append({"params": parameters, "lr": rate, "part": part})
    return torch.optim.Adam(groups or [{"params": [torch.zeros(0)], "lr": 0.0, "part": "base"}], fused=True)
