"""Optimising many scenes together with what they share: the loop of stage 1, and of stage 2's published recipe."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.model import CategoryModel
from triptych.representation.kernels import Backend
from triptych.representation.occupancy import with_occupancy
from triptych.training.config import Phase, Rates, SkippingConfig
from triptych.training.losses import mean, psnr
from triptych.training.objective import Losses, batch_losses
from triptych.training.pictures import write_progress_picture
from triptych.training.progress import Progress
from triptych.training.run import Checkpoint, Run
from triptych.training.scenes import SceneParameters
from triptych.training.state import flatten_optimizer, restore_optimizer
from triptych.training.views import Batch, PosedViews, encode_views

EVALUATIONS = 20
"""How often a phase measures the test PSNR."""
_LOG_EVERY = 20


@dataclass
class PhaseWork:
    """What a phase needs besides the parameters.

    Attributes:
        optimizer: Adam over the shared parts.
        latents: cached normalised latents of all training views, where the encoder is frozen and views stay in place.
        background: latent of a white image.
    """

    optimizer: torch.optim.Optimizer
    latents: Float[Tensor, "row channel height width"] | None
    background: Float[Tensor, "pixel channel"]


@dataclass
class JointTraining:
    """Everything a phase works on.

    Attributes:
        model: the shared parts.
        scenes: the scenes' own parts.
        skipping: when their empty cells are found anew.
        views: training views.
        test_views: views that are never trained on, for the PSNR shown.
        seed: order of views and placement of samples.
        run: log and checkpoints.
        progress: where to show how it goes.
    """

    model: CategoryModel
    scenes: SceneParameters
    skipping: SkippingConfig
    views: PosedViews
    test_views: PosedViews
    seed: int
    run: Run
    progress: Progress

    def run_phase(self, name: str, phase: Phase, checkpoint: Checkpoint | None) -> None:
        """Run one phase, from its checkpoint if there is one."""
        steps = phase.steps(len(self.views))
        optimizer = shared_optimizer(self.model, phase.rates)
        first = self._restore(checkpoint, optimizer)
        device = self.model.aabb.device
        cached = not phase.rates.encoder and not phase.shift_views
        latents = encode_views(self.model, self.views, device) if cached else None
        work = PhaseWork(optimizer, latents, self.model.background())
        self.progress.start(name, steps, first)
        for step in range(first, steps):
            losses = joint_step(self.model, self.scenes, self.views, phase, work, self.skipping, step, self.seed)
            total = float(losses.total(phase.weights).detach())
            self.progress.advance(loss=total)
            if step % _LOG_EVERY == 0:
                terms = {term: float(value.detach()) for term, value in vars(losses).items()}
                self.run.log(step, phase=name, total=total, **terms)
            if (step + 1) % max(1, steps // EVALUATIONS) == 0:
                test = self.test_psnr(write_picture=True)
                self.progress.advance(0, test_psnr=test)
                self.run.log(step, phase=name, test_psnr=test)
            if self.run.interrupted or self.run.checkpoint_due():
                self.run.save_checkpoint(self._tensors(optimizer), {"phase": name, "step": step + 1})
            self.run.stop_if_interrupted()

    @torch.no_grad()
    def test_psnr(self, *, most_scenes: int = 8, views_each: int = 2, write_picture: bool = False) -> float:
        """Mean PSNR in dB of a few test views of a few scenes, for watching; `evaluation` does it in full."""
        device = self.model.aabb.device
        count = min(most_scenes, len(self.test_views.collection))
        rows = [row for scene in range(count) for row in self.test_views.rows_of(scene)[:views_each]]
        if not rows:
            return float("nan")
        batch = self.test_views.group(rows)
        rendered = self._render(batch)
        images = self.test_views.images(batch, device)
        decoded = self.model.decode(rendered)
        if write_picture:
            encoded = self.model.encode(images)
            write_progress_picture(self.run.folder / "progress.png", images, decoded, encoded, rendered)
        return mean(psnr(decoded, images))

    def _render(self, batch: Batch) -> Tensor:
        device = self.model.aabb.device
        field = with_occupancy(self.model.field(*self.scenes.leaves(batch.scenes.to(device))))
        cameras = self.test_views.cameras(batch, device)
        rendering = self.model.render_latents(field, cameras, batch.views_per_scene, self.model.background())
        return self.model.as_images(rendering.channels)

    def _tensors(self, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
        model = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        scenes = {f"scenes.{name}": tensor for name, tensor in self.scenes.state_dict().items()}
        return model | scenes | flatten_optimizer(optimizer)

    def _restore(self, checkpoint: Checkpoint | None, optimizer: torch.optim.Optimizer) -> int:
        if checkpoint is None:
            return 0
        tensors = checkpoint.tensors
        self.model.load_state_dict(_below("model.", tensors))
        self.scenes.load_state_dict(_below("scenes.", tensors))
        restore_optimizer(optimizer, tensors)
        return checkpoint.state["step"]


def _below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def joint_step(
    model: CategoryModel,
    scenes: SceneParameters,
    views: PosedViews,
    phase: Phase,
    work: PhaseWork,
    skipping: SkippingConfig,
    step: int,
    seed: int,
    backend: Backend = "auto",
) -> Losses:
    """One step of a phase: the shared parts, and the scenes of the batch.

    Without cached latents each step encodes its own pictures, and the background follows the encoder.
    """
    device = model.aabb.device
    batch = views.batch(step, phase.batch, seed)
    chosen = batch.scenes.to(device)
    generators = [torch.Generator().manual_seed(seed * 1_000_003 + step)] * len(chosen)
    if phase.shift_views:
        cameras, images = views.shifted(batch, model.autoencoder.downscale, generators, device)
    else:
        needed = work.latents is None or phase.weights.ae or phase.weights.dec
        cameras, images = views.cameras(batch, device), views.images(batch, device) if needed else None
    if work.latents is None:
        work.background = model.background()
    leaves = scenes.leaves(chosen)
    losses = batch_losses(
        model,
        scenes.skip_empty(model.field(*leaves), chosen, skipping, backend),
        cameras,
        batch.views_per_scene,
        images,
        None if work.latents is None else work.latents[batch.rows].to(device).float(),
        work.background,
        phase.weights,
        phase.sampling(model.config.sampling, step, len(views)),
        generators,
        backend,
    )
    losses.total(phase.weights).backward()
    factor = phase.factor(step, len(views))
    epoch = phase.epoch(step, len(views))
    mlp_frozen = phase.freeze_mlp_from is not None and epoch >= phase.freeze_mlp_from
    for group in work.optimizer.param_groups:
        frozen_now = mlp_frozen and group["part"] == "mlp"
        group["lr"] = 0.0 if frozen_now else factor * getattr(phase.rates, group["part"])
    work.optimizer.step()
    work.optimizer.zero_grad()  # now, so that the gradients are not held through the next step
    scenes.step(chosen, leaves, phase.rates, factor)
    return losses


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
