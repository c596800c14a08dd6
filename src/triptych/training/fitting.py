"""Fitting some scenes side by side while everything shared stays frozen: the inner loop of stage 2."""

import hashlib

import torch

from triptych.model import CategoryModel
from triptych.representation.kernels import Backend
from triptych.scenes import SceneCollection
from triptych.training.config import Phase, SkippingConfig, Stage2Config
from triptych.training.objective import batch_losses
from triptych.training.scenes import SceneParameters
from triptych.training.views import PosedViews, encode_views


def fit_scenes(model: CategoryModel, collection: SceneCollection, config: Stage2Config, seed: int) -> SceneParameters:
    """Fit some scenes of equally many training views side by side, with everything shared frozen."""
    fitting = Fitting(model, collection, seed)
    for phase in (config.latent, config.image):
        for step in range(phase.steps(fitting.views_each)):
            fitting.step(phase, step, config.skipping)
    return fitting.scenes


class Fitting:
    """Scenes of equally many training views that are fitted side by side.

    Each scene has its own order of views and its own random samples, which follow from the seed and its content:
    whichever scenes are fitted beside it, the result is the same but for rounding.

    Attributes:
        scenes: the parameters that are fitted.
        views_each: training views of each scene.
    """

    def __init__(self, model: CategoryModel, collection: SceneCollection, seed: int) -> None:
        self._model = model.requires_grad_(False)
        self._views = PosedViews(collection)
        self._rows_of = [self._views.rows_of(scene) for scene in range(len(collection))]
        self._seeds = [_seed_of(fingerprint, seed) for fingerprint in collection.fingerprints]
        self._background = model.background()
        self._latents = encode_views(model, self._views, model.aabb.device)
        self.views_each = len(self._rows_of[0])
        assert all(len(rows) == self.views_each for rows in self._rows_of)
        self.scenes = SceneParameters.started(
            model.start_micro, model.start_coefficients, model.start_occupancy, len(collection)
        )

    def step(self, phase: Phase, step: int, skipping: SkippingConfig, backend: Backend = "auto") -> None:
        """One step of every scene."""
        model, device = self._model, self._model.aabb.device
        chosen = [_rows_of_step(rows, step, phase, seed) for rows, seed in zip(self._rows_of, self._seeds, strict=True)]
        batch = self._views.group([row for rows in chosen for row in rows])
        everyone = batch.scenes.to(device)
        leaves = self.scenes.leaves(everyone)
        generators = [torch.Generator().manual_seed(seed + step) for seed in self._seeds]
        if phase.shift_views:
            latents = None
            cameras, images = self._views.shifted(batch, model.autoencoder.downscale, generators, device)
        else:
            latents = self._latents[batch.rows].to(device).float()
            images = self._views.images(batch, device) if phase.weights.dec else None
            cameras = self._views.cameras(batch, device)
        losses = batch_losses(
            model,
            self.scenes.skip_empty(model.field(*leaves), everyone, skipping, backend),
            cameras,
            batch.views_per_scene,
            images,
            latents,
            self._background,
            phase.weights,
            phase.sampling(model.config.sampling, step, self.views_each),
            generators,
            backend,
        )
        # The loss is a mean over the batch; a scene's own gradient must not shrink with its neighbours.
        (losses.total(phase.weights) * len(everyone)).backward()
        self.scenes.step(everyone, leaves, phase.rates, phase.factor(step, self.views_each))


def _rows_of_step(rows: list[int], step: int, phase: Phase, seed: int) -> list[int]:
    """The views of one scene in a step: a seeded shuffle each epoch, cut into batches (the last may be short)."""
    size = min(phase.batch, len(rows))
    per_epoch = -(-len(rows) // size)
    epoch, place = divmod(step, per_epoch)
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed + epoch)).tolist()
    return [rows[number] for number in order[place * size : (place + 1) * size]]


def _seed_of(fingerprint: str, seed: int) -> int:
    digest = hashlib.sha256(f"{seed} {fingerprint}".encode()).digest()
    return int.from_bytes(digest[:6])
