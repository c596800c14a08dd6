"""Training the autoencoder alone on the views: the prior that stage 1 starts from."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from triptych.autoencoder import Autoencoder
from triptych.training.config import Pretraining
from triptych.training.progress import Progress
from triptych.training.run import Checkpoint, Run
from triptych.training.state import flatten_optimizer, restore_optimizer
from triptych.training.views import PosedViews


def pretrain(
    autoencoder: Autoencoder,
    views: PosedViews,
    config: Pretraining,
    seed: int,
    run: Run,
    checkpoint: Checkpoint | None,
    progress: Progress,
) -> None:
    """Minimise L_ae over encoder and decoder, with gradient clipping, a ramp and a cosine.

    Args:
        autoencoder: trained in place.
        views: training views.
        config: how long and how fast.
        seed: order of the views and the latent noise.
        run: log and checkpoints.
        checkpoint: of this phase, to go on from.
        progress: where to show how it goes.
    """
    parameters = list(autoencoder.parameters())
    device = parameters[0].device
    optimizer = torch.optim.Adam(parameters, lr=config.rate, fused=True)
    steps = math.ceil(config.epochs * len(views) / config.batch)
    first = 0
    if checkpoint is not None:
        autoencoder.load_state_dict(
            {name: checkpoint.tensors[f"autoencoder.{name}"] for name in autoencoder.state_dict()}
        )
        restore_optimizer(optimizer, checkpoint.tensors)
        first = checkpoint.state["step"]

    def save(step: int) -> None:
        tensors = {f"autoencoder.{name}": tensor for name, tensor in autoencoder.state_dict().items()}
        run.save_checkpoint(tensors | flatten_optimizer(optimizer), {"phase": "pretraining", "step": step})

    progress.start("autoencoder", steps, first)
    for step in range(first, steps):
        for group in optimizer.param_groups:
            group["lr"] = config.rate * _cosine(step, steps, config.ramp_steps)
        images = views.images(views.batch(step, config.batch, seed), device)
        latents = _noisy(autoencoder.encode(images), config.latent_noise, seed, step)
        loss = F.mse_loss(autoencoder.decode(latents), images)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, config.clip)
        optimizer.step()
        value = float(loss.detach())
        progress.advance(loss=value, psnr=-10 * math.log10(max(value, 1e-10)))
        if step % 20 == 0:
            run.log(step, phase="pretraining", ae=value)
        if run.interrupted or run.checkpoint_due():
            save(step + 1)
        run.stop_if_interrupted()


def _noisy(latents: Tensor, share: float, seed: int, step: int) -> Tensor:
    if not share:
        return latents
    generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    return latents + share * latents.detach().std(dim=(0, 2, 3), keepdim=True) * noise


def _cosine(step: int, steps: int, ramp: int) -> float:
    rise = min(1.0, (step + 1) / ramp) if ramp else 1.0
    return rise * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / max(steps, 1))))
