"""Training the autoencoder alone on the views: the prior that stage 1 starts from."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder import Autoencoder
from triptych.data.posed_views import PosedViews
from triptych.runtime import sent
from triptych.training.autoencoder_config import Pretraining
from triptych.training.loop import Steps, TrainingState, seed_stream, step_generator
from triptych.training.ranks import ALONE, Ranks
from triptych.training.turning import recolored, turned_losses, turned_pairs

_PICTURES, _PIECES = ("loss", "ae"), ("loss", "ae", "turned", "latents")
"""What the losses are called in the log."""
_APART = 2_654_435_761
"""Between the random numbers of ranks; torch uses the lower 32 bits of a seed."""


def pretrain(
    autoencoder: Autoencoder,
    views: PosedViews,
    config: Pretraining,
    seed: int,
    loop: Steps,
    ranks: Ranks = ALONE,
) -> None:
    """Minimize L_ae over encoder and decoder, and what pieces of pictures add to it, with gradient clipping, a ramp and
    a cosine.

    Over several ranks each takes a part of a step's views. Noise, and the variances that pieces of pictures are
    compared in, are those of this part.

    Args:
        autoencoder: trained in place.
        views: training views.
        config: how long and how fast.
        seed: order of the views and the random numbers of each step.
        loop: where the steps are taken, as phase "pretraining".
        ranks: the processes that take them together.
    """
    parameters = list(autoencoder.parameters())
    device = parameters[0].device
    optimizer = torch.optim.Adam(parameters, lr=config.rate, fused=True)
    schedule = config.schedule(len(views))
    state = TrainingState({"autoencoder": autoencoder}, optimizer)
    background = torch.tensor(views.dataset.background, device=device) / 255
    names, losses_of = (_PIECES, _losses_of_pieces) if config.on_pieces else (_PICTURES, _losses_of_pictures)
    for step in loop.steps("pretraining", schedule.steps, state):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * schedule.factor(step.number)
        rows = views.batch(step.number, config.batch, seed).rows
        own, values = ranks.part(rows), torch.zeros(len(names), device=device)
        optimizer.zero_grad()
        if len(own):  # a batch of fewer views than ranks leaves some without
            images = views.images(views.group(own), device)
            generator = step_generator(seed_stream(seed) + _APART * ranks.number, step.number)
            losses = torch.stack(losses_of(autoencoder, images, background, config, generator))
            values = _add_gradients(losses * (len(own) / len(rows)))
        ranks.sum_gradients(parameters, values)
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        loss, *others = values
        terms = dict(zip(names[1:], others, strict=True))
        step.report({"loss": loss, "psnr": -10 * terms["ae"].clamp_min(1e-10).log10()}, terms)


def _add_gradients(losses: Float[Tensor, " term"]) -> Float[Tensor, " term"]:
    """Differentiate the first one."""
    losses[0].backward()
    return losses.detach()


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
