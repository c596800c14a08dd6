"""One scene by itself, as any kind of field, in image space or in the latent space of a category model.

The prerequisites that the slides start from: NeRF, signed distances, tri-planes, each fitted to random rays of all
training views. In latent space the rays go through the middles of latent pixels and see encoded pictures.
"""

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from safetensors.torch import save
from torch import Tensor, nn

from triptych.autoencoder import IdentityAutoencoder, LatentNormalization
from triptych.files import read_json, write_atomically, write_json
from triptych.geometry import Cameras, Rays, intersect_aabb
from triptych.model import CategoryModel, ModelConfig
from triptych.representation.field import Field, SamplingConfig, TriPlaneField
from triptych.representation.kernels import total_variation
from triptych.representation.mlp import MLPConfig, TinyMLP
from triptych.representation.nerf import NeRFConfig, NeRFField, NeRFNetwork
from triptych.representation.planes import PlaneConfig
from triptych.representation.render import render
from triptych.representation.sdf import SDFField, eikonal_loss
from triptych.scenes import SceneCollection
from triptych.training.losses import mean, psnr
from triptych.training.pictures import write_progress_picture
from triptych.training.progress import Progress
from triptych.training.run import Run, open_run
from triptych.training.state import flatten_optimizer, restore_optimizer
from triptych.training.views import PosedViews, encode_views

FieldKind = Literal["triplanes", "nerf", "sdf"]
WEIGHTS_FILE = "field.safetensors"
METRICS_FILE = "metrics.json"
_EVALUATIONS = 10
_LOG_EVERY = 20
_EIKONAL_POINTS = 4096
_RAYS_AT_ONCE = 4096
_FIRST_BETA = 0.05


@dataclass(frozen=True)
class SingleConfig:
    """How one scene is fitted by itself."""

    kind: FieldKind = "nerf"
    """What the scene is made of."""
    plane_resolution: int = 64
    """Texels along each side of a plane, for triplanes and sdf."""
    features: int = 32
    """Features of a plane, for triplanes and sdf."""
    hidden: int = 64
    """Width of the tiny MLP, for triplanes and sdf."""
    layers: int = 8
    """Hidden layers of the networks, for nerf."""
    width: int = 256
    """Features of each, for nerf."""
    sampling: SamplingConfig = field(default_factory=lambda: SamplingConfig(48, 48))
    """Samples a ray."""
    steps: int = 2000
    """Steps of Adam."""
    rays: int = 1024
    """Random pixels of all training views in a step; those whose ray misses the scene box never take part."""
    rate: float = 5e-4
    """Step size of networks at the start."""
    planes_rate: float = 2e-2
    """Step size of planes at the start."""
    final_factor: float = 0.03
    """All rates fall exponentially to this share."""
    tv: float = 1e-4
    """Weight of the total variation of the planes, for triplanes and sdf."""
    eikonal: float = 0.02
    """Weight of the eikonal loss, for sdf."""


class SceneModule(nn.Module, ABC):
    """A scene that is fitted: parameters, and the field that they make."""

    aabb: Float[Tensor, "2 3"]

    def __init__(self, aabb: Float[Tensor, "2 3"]) -> None:
        super().__init__()
        self.register_buffer("aabb", aabb)

    @abstractmethod
    def field(self) -> Field:
        """What is rendered."""

    def penalty(self, config: SingleConfig, generator: torch.Generator) -> Float[Tensor, ""]:
        """What is added to the squared error of the channels."""
        return self.aabb.new_zeros(())


class _TriPlanes(SceneModule):
    def __init__(self, config: SingleConfig, channels: int, mlp: MLPConfig, aabb: Tensor, deviation: float) -> None:
        super().__init__(aabb)
        size = (1, 3, config.plane_resolution, config.plane_resolution, config.features)
        self.planes = nn.Parameter(deviation * torch.randn(size))
        self.mlp = TinyMLP(config.features, channels, mlp)

    def field(self) -> Field:
        return self._triplanes()

    def penalty(self, config: SingleConfig, generator: torch.Generator) -> Tensor:
        return config.tv * total_variation(self._triplanes())

    def _triplanes(self) -> TriPlaneField:
        return TriPlaneField(self.planes, self.mlp, self.aabb)


class _SDF(_TriPlanes):
    def __init__(self, config: SingleConfig, channels: int, mlp: MLPConfig, aabb: Tensor) -> None:
        super().__init__(config, channels, mlp, aabb, deviation=0.01)
        self.log_beta = nn.Parameter(torch.tensor(_FIRST_BETA).log())

    def field(self) -> Field:
        return self._distances()

    def penalty(self, config: SingleConfig, generator: torch.Generator) -> Tensor:
        lower, upper = self.aabb
        points = lower + (upper - lower) * torch.rand(_EIKONAL_POINTS, 3, generator=generator).to(lower.device)
        gradients = self._distances().gradients(points, [len(points)])
        return super().penalty(config, generator) + config.eikonal * eikonal_loss(gradients)

    def _distances(self) -> SDFField:
        return SDFField(self.planes, self.mlp, self.log_beta, self.aabb)


class _NeRF(SceneModule):
    def __init__(self, channels: int, config: NeRFConfig, aabb: Tensor) -> None:
        super().__init__(aabb)
        self.coarse, self.fine = NeRFNetwork(channels, config), NeRFNetwork(channels, config)

    def field(self) -> Field:
        return NeRFField(self.fine, self.coarse, self.aabb)


@dataclass(frozen=True)
class Targets:
    """Rays that meet the scene box, and what they see.

    Attributes:
        rays: flat.
        channels: colours or normalised latents.
        background: what is behind each ray.
    """

    rays: Rays
    channels: Float[Tensor, "ray channel"]
    background: Float[Tensor, "ray channel"]


def fit_single(
    scene: SceneCollection,
    out: Path,
    config: SingleConfig,
    *,
    model: CategoryModel | None = None,
    seed: int,
    device: torch.device,
    progress: Progress,
    checkpoint_seconds: float = 60.0,
) -> dict[str, float]:
    """Fit one scene, or go on with it, and measure it on its test views.

    The run's folder then holds ``field.safetensors``, ``metrics.json``, the log and a picture of test views.

    Args:
        scene: the scene, alone.
        out: the run's folder.
        config: all settings.
        model: fit in its latent space; None fits in image space.
        seed: of parameters, rays and samples.
        device: where to compute.
        progress: where to show how it goes.
        checkpoint_seconds: how often the run is saved.

    Returns:
        ``psnr`` in dB over the test ``views``, and ``seconds`` of fitting.

    Raises:
        InputError: the folder belongs to another run.
        KeyboardInterrupt: Ctrl-C, after saving.
    """
    assert len(scene) == 1
    description = {
        "single": asdict(config),
        "model": None if model is None else model.identity(),
        "seed": seed,
        "device": device.type,
        "scene": dict(zip(scene.names, scene.fingerprints, strict=True)),
    }
    space = (image_space(scene) if model is None else model).to(device)
    with open_run(out, description, checkpoint_seconds) as run:
        module = create_scene(scene, config, space, seed).to(device)
        if (out / METRICS_FILE).is_file():
            return read_json(out / METRICS_FILE)
        _optimise(module, ray_targets(scene, space), config, seed, run, progress)
        write_atomically(out / WEIGHTS_FILE, lambda file: file.write(save(module.state_dict())))
        metrics = _measure(module.field(), scene, space, config, run) | {"seconds": run.elapsed()}
        write_json(out / METRICS_FILE, metrics)
        return metrics


def image_space(scene: SceneCollection) -> CategoryModel:
    """A model whose latents are the pictures themselves."""
    one = torch.ones(3)
    return CategoryModel(
        ModelConfig(PlaneConfig(2, 1, 0), MLPConfig(), SamplingConfig(), scene.height, scene.width),
        IdentityAutoencoder(),
        LatentNormalization("affine", torch.zeros(3), one),
        torch.zeros(0, 3, 2, 2, 0),
        scene.aabb,
        {},
    )


def create_scene(scene: SceneCollection, config: SingleConfig, space: CategoryModel, seed: int) -> SceneModule:
    """A fresh scene of the kind that is asked for."""
    torch.manual_seed(seed)
    channels, aabb = space.autoencoder.channels, scene.aabb
    activation = "sigmoid" if isinstance(space.autoencoder, IdentityAutoencoder) else "linear"
    if config.kind == "nerf":
        return _NeRF(channels, NeRFConfig(config.layers, config.width, channel_activation=activation), aabb)
    if config.kind == "sdf":
        # Softplus: a distance whose gradient jumps would make the surface facetted.
        return _SDF(config, channels, MLPConfig(config.hidden, "softplus", activation), aabb)
    return _TriPlanes(config, channels, MLPConfig(config.hidden, "relu", activation), aabb, deviation=0.1)


@torch.no_grad()
def ray_targets(scene: SceneCollection, space: CategoryModel) -> Targets:
    """All training rays of a scene in a space: one a latent pixel."""
    views, device = PosedViews(scene), space.aabb.device
    height, width = space.latent_size
    rays = views.cameras(views.group(range(len(views))), device).resized(height, width).rays().flatten()
    channels = encode_views(space, views, device).float().to(device).flatten(2).transpose(1, 2).flatten(0, 1)
    background = space.background().repeat(len(views), 1)
    near, far = intersect_aabb(rays, scene.aabb.to(device))
    meeting = far > near
    return Targets(rays[meeting], channels[meeting], background[meeting])


def _optimise(
    module: SceneModule, targets: Targets, config: SingleConfig, seed: int, run: Run, progress: Progress
) -> None:
    planes = [parameter for name, parameter in module.named_parameters() if name == "planes"]
    others = [parameter for name, parameter in module.named_parameters() if name != "planes"]
    groups = [{"params": others, "lr": config.rate}, *({"params": [part], "lr": config.planes_rate} for part in planes)]
    rates = [group["lr"] for group in groups]
    optimizer = torch.optim.Adam(groups)
    checkpoint = run.load_checkpoint()
    first = 0
    if checkpoint is not None:
        module.load_state_dict({name: checkpoint.tensors[f"scene.{name}"] for name in module.state_dict()})
        restore_optimizer(optimizer, checkpoint.tensors)
        first = checkpoint.state["step"]
    progress.start(config.kind, config.steps, first)
    for step in range(first, config.steps):
        generator = torch.Generator().manual_seed(seed * 1_000_003 + step)
        loss = _loss(module, targets, config, generator)
        optimizer.zero_grad()
        loss.backward()
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * config.final_factor ** (step / config.steps)
        optimizer.step()
        progress.advance(loss=float(loss.detach()))
        if step % _LOG_EVERY == 0:
            run.log(step, phase="single", loss=float(loss.detach()))
        if run.interrupted or run.checkpoint_due():
            state = {f"scene.{name}": tensor for name, tensor in module.state_dict().items()}
            run.save_checkpoint(state | flatten_optimizer(optimizer), {"step": step + 1})
        run.stop_if_interrupted()


def _loss(module: SceneModule, targets: Targets, config: SingleConfig, generator: torch.Generator) -> Tensor:
    chosen = torch.randint(len(targets.channels), (config.rays,), generator=generator).to(targets.channels.device)
    rays, wanted, background = targets.rays[chosen], targets.channels[chosen], targets.background[chosen]
    scene = module.field()
    found = render(scene, rays, [len(wanted)], background, config.sampling, [generator])
    loss = F.mse_loss(found.channels, wanted) + module.penalty(config, generator)
    if scene.proposal is not scene:
        # A network that places samples learns from its own coarse rendering (NeRF, equation 6).
        coarse = SamplingConfig(config.sampling.coarse, 0)
        placing = render(scene.proposal, rays, [len(wanted)], background, coarse, [generator])
        loss = loss + F.mse_loss(placing.channels, wanted)
    return loss


@torch.no_grad()
def render_latents(
    scene: Field, camera: Cameras, space: CategoryModel, sampling: SamplingConfig
) -> Float[Tensor, "1 channel latent_height latent_width"]:
    """One view of any field as latents of a space, some rays at a time."""
    rays = camera.resized(*space.latent_size).rays().flatten()
    parts = [
        render(scene, rays[part], [len(part)], background, sampling).channels
        for part, background in zip(
            torch.arange(len(rays.origins)).split(_RAYS_AT_ONCE), space.background().split(_RAYS_AT_ONCE), strict=True
        )
    ]
    return space.as_images(torch.cat(parts))


@torch.no_grad()
def _measure(
    scene: Field, collection: SceneCollection, space: CategoryModel, config: SingleConfig, run: Run
) -> dict[str, float]:
    views, device = PosedViews(collection, "test"), space.aabb.device
    batch = views.group(range(len(views)))
    cameras, images = views.cameras(batch, device), views.images(batch, device)
    rendered = torch.cat(
        [render_latents(scene, cameras[[view]], space, config.sampling) for view in range(len(cameras))]
    )
    decoded = space.decode(rendered)
    write_progress_picture(run.folder / "progress.png", images, decoded, space.encode(images), rendered)
    return {"psnr": mean(psnr(decoded, images)), "views": float(len(cameras))}
