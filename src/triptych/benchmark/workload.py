"""A batch of random scenes and rays, and what the renderer does with it."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from triptych.benchmark.sizes import Sizes
from triptych.geometry import Intervals, Rays, SceneRays, hemisphere_cameras
from triptych.representation import kernels
from triptych.representation.config import MLPConfig, SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels.reference import Integral
from triptych.representation.mlp import TinyMLP
from triptych.training.estimate import ball

_BOX = torch.tensor([[-0.65, -0.65, -0.65], [0.65, 0.65, 0.65]])
"""A box that every ray of the cameras meets, so that there are as many samples as the sizes say."""


@dataclass(frozen=True)
class Workload:
    """A batch of random scenes and rays on a device; each scene is seen from one camera."""

    field: TriPlaneField
    rays: SceneRays
    sampling: SamplingConfig
    jitter: Tensor

    @property
    def parameters(self) -> list[Tensor]:
        """What gradients are taken of."""
        return [self.field.planes, *self.field.mlp.parameters()]

    def double(self) -> "Workload":
        """The same in float64."""
        planes = self.field.planes.detach().double().requires_grad_()
        field = replace(self.field, planes=planes, mlp=deepcopy(self.field.mlp).double(), aabb=self.field.aabb.double())
        flat = Rays(self.rays.flat.origins.double(), self.rays.flat.directions.double())
        return replace(self, field=field, rays=replace(self.rays, flat=flat))

    def place(self, backend: kernels.Backend) -> Intervals:
        """Its intervals."""
        return kernels.place_samples(self.field, self.rays, self.sampling, self.jitter, backend)

    def evenly(self) -> "Workload":
        """The same with all samples coarse, which every backend places alike."""
        return replace(self, sampling=SamplingConfig(self.sampling.coarse + self.sampling.importance, 0))

    def render(self, intervals: Intervals, backend: kernels.Backend) -> Integral:
        """What its rays gather."""
        return kernels.integrate(self.field, self.rays, intervals, backend)


def backends(device: torch.device) -> dict[str, kernels.Backend]:
    """What is compared on a device: by name, so that the reference is never taken for the fused one."""
    return {"fused": "triton" if device.type == "cuda" else "cpu", "reference": "reference"}


def make_workload(sizes: Sizes, device: torch.device, *, occupancy: bool = False) -> Workload:
    """Random scenes of these sizes, each seen from one camera."""
    torch.manual_seed(0)
    mlp = TinyMLP(sizes.features, sizes.channels, MLPConfig()).to(device)
    planes = 0.1 * torch.randn(sizes.views, 3, sizes.resolution, sizes.resolution, sizes.features, device=device)
    bits = ball().to(device).repeat(sizes.views, 1, 1) if occupancy else None
    rays = SceneRays.of_views(hemisphere_cameras(sizes.views, sizes.side, seed=0).rays().to(device), [1] * sizes.views)
    jitter = torch.rand(len(rays.flat.origins), 2).to(device)
    field = TriPlaneField(planes.requires_grad_(), mlp, _BOX.to(device), bits)
    return Workload(field, rays, sizes.sampling(), jitter)


def calls_of(work: Workload, intervals: Intervals, backend: kernels.Backend) -> dict[str, Callable[[], object]]:
    """What a backend does with a batch, by name: samples placed; rendered in these intervals, without and with
    gradients; and L_Enc with its gradients, samples placed, rendered and compared."""
    field, rays = work.field, work.rays
    pixels, channels, device = len(work.jitter), field.mlp.channels, work.jitter.device
    targets, behind = torch.rand(pixels, channels), torch.rand(pixels // len(field.planes), channels)
    comparison = kernels.Comparison(targets.to(device), behind.to(device))

    def forward() -> Integral:
        with torch.no_grad():
            return work.render(intervals, backend)

    def forward_backward() -> None:
        integral = work.render(intervals, backend)
        loss = integral.channels.square().mean() + integral.opacity.square().mean()
        torch.autograd.grad(loss, work.parameters)

    def latent_error() -> None:
        error = kernels.squared_error(field, rays, work.sampling, work.jitter, comparison, backend)
        torch.autograd.grad(error, work.parameters)

    return {
        "placing": lambda: work.place(backend),
        "forward": forward,
        "forward + backward": forward_backward,
        "L_Enc with placing": latent_error,
    }
