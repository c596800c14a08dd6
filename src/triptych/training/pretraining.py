"""Training the autoencoder alone on the views: the prior that stage 1 starts from."""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from triptych.autoencoder import Autoencoder
from triptych.data.posed_views import PosedViews
from triptych.training.autoencoder_config import Pretraining
from triptych.training.loop import Steps, TrainingState, seed_stream, step_generator
from triptych.training.turning import recolored, turned_losses, turned_pairs


def pretrain(autoencoder: Autoencoder, views: PosedViews, config: Pretraining, seed: int, loop: Steps) -> None:
    """Minimize L_ae over encoder and decoder, and what pieces of pictures add to it, with gradient clipping, a ramp and
    a cosine.

    Args:
        autoencoder: trained in place.
        views: training views.
        config: how long and how fast.
        seed: order of the views and the random numbers of each step.
        loop: where the steps are taken, as phase "pretraining".
    """
    parameters = list(autoencoder.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.rate, fused=True)
    schedule = config.schedule(len(views))
    state = TrainingState({"autoencoder": autoencoder}, optimizer)
    background = torch.tensor(views.dataset.background, device=parameters[0].device) / 255
    losses_of = _losses_of_pieces if config.on_pieces else _losses_of_pictures
    for step in loop.steps("pretraining", schedule.steps, state):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * schedule.factor(step.number)
        images = views.images(views.batch(step.number, config.batch, seed), parameters[0].device)
        generator = step_generator(seed_stream(seed), step.number)
        loss, terms = losses_of(autoencoder, images, background, config, generator)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        values = {name: float(value.detach()) for name, value in terms.items()}
        step.report({"loss": float(loss.detach()), "psnr": -10 * math.log10(max(values["ae"], 1e-10))}, values)


def _losses_of_pictures(
    autoencoder: Autoencoder, images: Tensor, background: Tensor, config: Pretraining, generator: torch.Generator
) -> tuple[Tensor, Mapping[str, Tensor]]:
    latents = _noisy(autoencoder.encode(images), config.latent_noise, generator)
    loss = F.mse_loss(autoencoder.decode(latents), images)
    return loss, {"ae": loss}


def _losses_of_pieces(
    autoencoder: Autoencoder, images: Tensor, background: Tensor, config: Pretraining, generator: torch.Generator
) -> tuple[Tensor, Mapping[str, Tensor]]:
    images = recolored(images, background, config.recolored, generator)
    pairs = turned_pairs(images, background, config.zoom, generator)
    losses = turned_losses(autoencoder, pairs, config.latent_noise, generator)
    total = config.ae * losses.ae + config.turned * losses.turned + config.latents * losses.latents
    return total, vars(losses)


def _noisy(latents: Tensor, share: float, generator: torch.Generator) -> Tensor:
    if not share:
        return latents
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    return latents + share * latents.detach().std(dim=(0, 2, 3), keepdim=True) * noise
