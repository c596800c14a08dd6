"""Trained scenes: what leaving out empty space saves at the same quality, and what a view costs."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from triptych.benchmark.measure import time_in_turn
from triptych.benchmark.sizes import VIEWS, Sizes, box, random_model
from triptych.benchmark.workload import backends
from triptych.data import Dataset, dataset_from_arrays
from triptych.data.generators.cars.dataset import render_car
from triptych.data.posed_views import PosedViews
from triptych.geometry import SceneRays, hemisphere_cameras
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.representation.config import MLPConfig, SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels import Backend
from triptych.representation.occupancy import with_occupancy
from triptych.representation.render import render
from triptych.training.loop import Loop
from triptych.training.run import open_run
from triptych.training.single.config import OwnPlanesConfig, SingleTriPlanes
from triptych.training.single.fields import TriPlanes
from triptych.training.single.fitting import PHASE, fit_field
from triptych.training.single.targets import image_space, ray_targets

_RAYS_OF_EACH = 2048
SKIPPING_SAMPLES = SamplingConfig(64, 0)


@dataclass(frozen=True)
class TrainedScenes:
    """Cars that have been fitted as RGB tri-planes, with their views.

    Attributes:
        sizes: of the scenes and of the batches that measurements render.
        model: RGB tri-planes; its autoencoder is the identity.
        field: the scenes.
        views: views they were fitted to.
        test_views: views they have never seen.
    """

    sizes: Sizes
    model: CategoryModel
    field: TriPlaneField
    views: PosedViews
    test_views: PosedViews

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return self.field.planes.device

    @property
    def cars(self) -> int:
        """How many there are."""
        return len(self.field.planes)


def train_cars(sizes: Sizes, cars: int, steps: int, device: torch.device) -> TrainedScenes:
    """Fit RGB tri-planes to procedural cars, side by side with one tiny MLP."""
    dataset = _cars(cars, sizes.picture)
    config = SingleTriPlanes(
        sampling=sizes.sampling(),
        steps=steps,
        rays=_RAYS_OF_EACH,
        final_factor=0.1,
        planes=OwnPlanesConfig(sizes.resolution, sizes.features),
        mlp=MLPConfig(),
        mlp_rate=2e-2,
        tv=0.0,
    )
    space = image_space(dataset).to(device)
    fitted = TriPlanes(dataset, config, space, seed=0)
    with TemporaryDirectory() as folder, open_run(Path(folder), {}) as run:
        loop = Loop.resumed(run, Progress(quiet=True), (PHASE,))
        fit_field(fitted, ray_targets(dataset, space, with_edges=config.edge_share > 0), config, seed=0, loop=loop)
    field = replace(fitted.finished(), occupancy=None)
    return TrainedScenes(sizes, fitted.model, field, PosedViews(dataset), PosedViews(dataset, "test"))


def skipping_against_reference(trained: TrainedScenes, repeats: int) -> dict[str, float]:
    """Median seconds of rendering 32 views of 16x16 rays, forward and backward, placement of samples included; and
    the PSNR of test views at full size.

    The paper's 48 coarse and 48 importance samples against 64 even ones of which those in empty space are left out:
    as many as it takes for the same quality. The two kernels agree to rounding, so that the PSNR without skipping is
    measured with the fused one alone.
    """
    sizes, cars, device = trained.sizes, trained.cars, trained.device
    cameras = hemisphere_cameras(sizes.views, sizes.side, seed=cars).to(device)
    rays = SceneRays.of_views(cameras.rays(), [sizes.views // cars] * cars)
    planes = trained.field.planes.clone().requires_grad_()
    plain = replace(trained.field, planes=planes, mlp=copy.deepcopy(trained.field.mlp).requires_grad_(True))
    skipping = with_occupancy(plain)

    white, backend_of = torch.ones(1, 3, device=device), backends(device)

    def call(field: TriPlaneField, sampling: SamplingConfig, backend: Backend) -> Callable[[], object]:
        generators = [torch.Generator().manual_seed(0)] * cars

        def forward_backward() -> None:
            rendering = render(field, rays, white, sampling, generators, backend)
            torch.autograd.grad(rendering.channels.square().mean(), [planes, *field.mlp.parameters()])

        return forward_backward

    seconds = time_in_turn(
        {
            "reference": call(plain, sizes.sampling(), backend_of["reference"]),
            "fused": call(plain, sizes.sampling(), backend_of["fused"]),
            "fused, skipping": call(skipping, SKIPPING_SAMPLES, backend_of["fused"]),
        },
        repeats,
        device,
    )
    seconds["PSNR"] = _test_psnr(trained, trained.field, sizes.sampling())
    seconds["PSNR, skipping"] = _test_psnr(trained, with_occupancy(trained.field), SKIPPING_SAMPLES)
    return seconds


def views_of_latents_and_rgb(trained: TrainedScenes, repeats: int) -> dict[str, float]:
    """Median seconds of one picture: from RGB planes, and from latent planes with the decoder."""
    rgb, one = trained.model, hemisphere_cameras(1, trained.sizes.picture, seed=1).to(trained.device)
    latent = _latent_model(trained)
    background = {id(model): model.background() for model in (latent, rgb)}
    plain = replace(trained.field, planes=trained.field.planes[:1])
    skipping = with_occupancy(plain)

    def render(model: CategoryModel, field: TriPlaneField) -> torch.Tensor:
        with torch.no_grad():
            field = replace(field, mlp=model.mlp)
            return model.as_images(model.render_latents(field, one, [1], background[id(model)]).channels)

    def decode(latents: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return latent.decode(latents)

    rendered = render(latent, plain)
    return time_in_turn(
        {
            "RGB render": lambda: render(rgb, plain),
            "RGB render, skipping": lambda: render(rgb, skipping),
            "latent render": lambda: render(latent, plain),
            "latent render, skipping": lambda: render(latent, skipping),
            "decode": lambda: decode(rendered),
            "latent render + decode": lambda: decode(render(latent, plain)),
            "latent render + decode, skipping": lambda: decode(render(latent, skipping)),
        },
        repeats,
        trained.device,
    )


def _cars(count: int, side: int) -> Dataset:
    cars = {}
    for car in range(count):
        cameras = hemisphere_cameras(VIEWS, side, seed=car)
        cars[f"{car:05d}"] = (render_car(car, 0, cameras), cameras)
    return dataset_from_arrays(cars, box())


@torch.no_grad()
def _latent_model(trained: TrainedScenes) -> CategoryModel:
    """A model of latent tri-planes whose density, and so whose work, is that of the trained scenes."""
    model = random_model(trained.sizes, planes=trained.model.config.planes).to(trained.device).requires_grad_(False)
    model.mlp.hidden.load_state_dict(trained.model.mlp.hidden.state_dict())
    model.mlp.output.weight[0] = trained.model.mlp.output.weight[0]
    model.mlp.output.bias[0] = trained.model.mlp.output.bias[0]
    return model


@torch.no_grad()
def _test_psnr(trained: TrainedScenes, field: TriPlaneField, sampling: SamplingConfig) -> float:
    """PSNR in dB of two test views of each scene."""
    model, views, device = trained.model, trained.test_views, trained.device
    batch = views.group([row for car in range(trained.cars) for row in views.rows_of(car)[:2]])
    rays = SceneRays.of_views(views.cameras(batch, device).rays(), batch.views_per_scene)
    rendering = render(field, rays, torch.ones(1, 3, device=device), sampling)
    return mean(psnr(model.as_images(rendering.channels), views.images(batch, device)))
