"""Training the autoencoder alone on the views: the prior that stage 1 starts from."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from triptych.autoencoder import Autoencoder
from triptych.data.posed_views import PosedViews
from triptych.training.config import Pretraining
from triptych.training.loop import Steps, TrainingState, seed_stream, step_generator


def pretrain(autoencoder: Autoencoder, views: PosedViews, config: Pretraining, seed: int, loop: Steps) -> None:
    """Minimize L_ae over encoder and decoder, with gradient clipping, a ramp and a cosine.

    Args:
        autoencoder: trained in place.
        views: training views.
        config: how long and how fast.
        seed: order of the views and the latent noise.
        loop: where the steps are taken, as phase "pretraining".
    """
    parameters = list(autoencoder.parameters())
    optimizer = torch.optim.Adam(parameters, lr=config.rate, fused=True)
    schedule = config.schedule(len(views))
    state = TrainingState({"autoencoder": autoencoder}, optimizer)
    for step in loop.steps("pretraining", schedule.steps, state):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * schedule.factor(step.number)
        images = views.images(views.batch(step.number, config.batch, seed), parameters[0].device)
        latents = _noisy(autoencoder.encode(images), config.latent_noise, seed, step.number)
        loss = F.mse_loss(autoencoder.decode(latents), images)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        value = float(loss.detach())
        step.report({"loss": value, "psnr": -10 * math.log10(max(value, 1e-10))}, {"ae": value})


def _noisy(latents: Tensor, share: float, seed: int, step: int) -> Tensor:
    if not share:
        return latents
    noise = torch.randn(latents.shape, generator=step_generator(seed_stream(seed), step)).to(latents.device)
    return latents + share * latents.detach().std(dim=(0, 2, 3), keepdim=True) * noise
