"""Training the autoencoder alone on the views: the prior that stage 1 starts from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder import Autoencoder
from triptych.data.posed_views import PosedViews
from triptych.runtime import Parts, sent, warn
from triptych.training.autoencoder_config import Pretraining
from triptych.training.loop import Steps, TrainingState, seed_stream, step_generator
from triptych.training.ranks import ALONE, Ranks
from triptych.training.turning import recolored, turned_losses, turned_pairs

_APART = 2_654_435_761
"""Between the random numbers of ranks; torch uses the lower 32 bits of a seed."""


def pretrain(
    autoencoder: Autoencoder,
    views: PosedViews,
    config: Pretraining,
    seed: int,
    loop: Steps,
    ranks: Ranks = ALONE,
    note: Callable[[str], object] = warn,
) -> None:
    """Minimize L_ae over encoder and decoder, and what pieces of pictures add to it, with gradient clipping, a ramp and
    a cosine.

    Over several ranks each takes a part of a step's views; where a GPU's memory does not do for these, it takes parts
    of them one after the other. Noise, and the variances that pieces of pictures are compared in, are those of a part.

    Args:
        autoencoder: trained in place.
        views: training views.
        config: how long and how fast.
        seed: order of the views and the random numbers of each step.
        loop: where the steps are taken, as phase "pretraining".
        ranks: the processes that take them together.
        note: where to say what a user should know.
    """
    parameters = list(autoencoder.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.rate, fused=True)
    schedule = config.schedule(len(views))
    state = TrainingState({"autoencoder": autoencoder}, optimizer)
    objective = _Objective(autoencoder, views, config, seed, ranks, Parts(note))
    for step in loop.steps("pretraining", schedule.steps, state):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * schedule.factor(step.number)
        values = objective.with_gradients(step.number)
        ranks.sum_gradients(parameters, values)
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        loss, *others = values
        terms = dict(zip(objective.terms, others, strict=True))
        step.report({"loss": loss, "psnr": -10 * terms["ae"].clamp_min(1e-10).log10()}, terms)


@dataclass(frozen=True)
class _Objective:
    """What the steps minimize; the fields are arguments of ``pretrain``, and how views are divided."""

    autoencoder: Autoencoder
    views: PosedViews
    config: Pretraining
    seed: int
    ranks: Ranks
    parts: Parts

    @property
    def terms(self) -> Sequence[str]:
        """What the losses are called in the log, all but the first, which is their sum."""
        return ("ae", "turned", "latents") if self.config.on_pieces else ("ae",)

    def with_gradients(self, step: int) -> Float[Tensor, " term"]:
        """The losses of this rank's views of a step, after the gradients of the first have been taken."""
        rows = self.views.batch(step, self.config.batch, self.seed).rows
        own = self.ranks.part(rows)
        taken = self.parts.done
        return taken(lambda count: self._sum(own.tensor_split(count), len(rows), step), len(own), "pictures")

    def _sum(self, parts: Sequence[Tensor], of: int, step: int) -> Float[Tensor, " term"]:
        self.autoencoder.zero_grad()
        device = next(self.autoencoder.parameters()).device
        background = sent(torch.tensor(self.views.dataset.background), device) / 255
        losses_of = _losses_of_pieces if self.config.on_pieces else _losses_of_pictures
        generator = step_generator(seed_stream(self.seed) + _APART * self.ranks.number, step)
        total = torch.zeros(1 + len(self.terms), device=device)
        for rows in parts:
            if len(rows):  # a batch of fewer views than ranks leaves some without
                images = self.views.images(self.views.group(rows), device)
                losses = torch.stack(losses_of(self.autoencoder, images, background, self.config, generator))
                losses = losses * (len(rows) / of)
                losses[0].backward()
                total += losses.detach()
        return total


def _losses_of_pictures(
    autoencoder: Autoencoder, images: Tensor, background: Tensor, config: Pretraining, generator: torch.Generator
) -> tuple[Tensor, ...]:
    latents = _noisy(autoencoder.encode(images), config.latent_noise, generator)
    loss = F.mse_loss(autoencoder.decode(latents), images)
    return loss, loss


def _losses_of_pieces(
    autoencoder: Autoencoder, images: Tensor, background: Tensor, config: Pretraining, generator: torch.Generator
) -> tuple[Tensor, ...]:
    images = recolored(images, background, config.recolored, generator)
    pairs = turned_pairs(images, background, config.zoom, generator)
    losses = turned_losses(autoencoder, pairs, config.latent_noise, generator)
    total = config.ae * losses.ae + config.turned * losses.turned + config.latents * losses.latents
    return total, losses.ae, losses.turned, losses.latents


def _noisy(latents: Tensor, share: float, generator: torch.Generator) -> Tensor:
    if not share:
        return latents
    noise = sent(torch.randn(latents.shape, generator=generator), latents.device)
    return latents + share * latents.detach().std(dim=(0, 2, 3), keepdim=True) * noise
