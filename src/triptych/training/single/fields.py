"""What a scene by itself is made of while it is fitted: its parameters, the field they make, their optimizer."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.model import CategoryModel, ModelConfig, Origin
from triptych.representation.config import MLPConfig, PlaneConfig
from triptych.representation.field import Field, TriPlaneField
from triptych.representation.kernels import total_variation
from triptych.representation.mlp import TinyMLP
from triptych.representation.module_field import ModuleField
from triptych.representation.nerf import NeRFField, NeRFNetwork
from triptych.representation.occupancy import with_occupancy
from triptych.representation.planes import initial_base_planes
from triptych.representation.sdf import SDFField, eikonal_loss
from triptych.runtime.entry_points import Group, broken, load_added
from triptych.training.loop import TrainingState
from triptych.training.move import Move
from triptych.training.scenes import SceneParameters
from triptych.training.single.config import SingleConfig, SingleInstalled, SingleNeRF, SingleSDF, SingleTriPlanes

_ADDED: Group = "triptych.fields"
_EIKONAL_POINTS = 4096
_FIRST_BETA = 0.05
"""In shortest sides of the box: smaller, and what lies off the first ball gets no gradient; larger, and it is fog."""


class SingleField(ABC):
    """A field that is fitted.

    Attributes:
        aabb: the scene box.
    """

    aabb: Float[Tensor, "2 3"]

    @property
    @abstractmethod
    def training_state(self) -> TrainingState:
        """What a checkpoint holds."""

    @abstractmethod
    def begin_step(self) -> Field:
        """What a step renders."""

    @abstractmethod
    def penalty(self, field: Field, generator: torch.Generator) -> Float[Tensor, ""]:
        """What is added to the squared error of what ``begin_step`` gave."""

    @abstractmethod
    def end_step(self, factor: float) -> None:
        """A step of Adam, from the gradients, at ``factor`` times the rates of the configuration."""

    @abstractmethod
    def finished(self) -> Field:
        """The field, ready to be rendered; its parameters collect no more gradients."""

    @abstractmethod
    def state_dict(self) -> dict[str, Tensor]:
        """All that makes up the field, by name, not copied."""

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take over what ``state_dict`` gave, of the same shapes."""
        for name, tensor in self.state_dict().items():
            tensor.copy_(state[name])


class TriPlanes(SingleField):
    """Tri-planes, fitted the fast way: channels last, empty space left out, their Adam state a row per scene.

    Several scenes that are fitted side by side share the tiny MLP.

    Attributes:
        model: the tiny MLP as a category model in the same space, so that a bank can hold the scene.
        scenes: the planes.
    """

    def __init__(self, scenes: Dataset, config: SingleTriPlanes, space: CategoryModel, seed: int) -> None:
        torch.manual_seed(seed)  # the MLP's initial weights
        generator, device = torch.Generator().manual_seed(seed), space.aabb.device
        mlp = replace(config.mlp, channel_activation=_channel_activation(space, config.mlp.channel_activation))
        planes = config.planes.without_shared()
        self.aabb = _box(scenes, space)
        self.model = CategoryModel(
            ModelConfig(planes, mlp, config.sampling, scenes.height, scenes.width),
            space.autoencoder,
            space.normalization,
            initial_base_planes(planes, generator),
            scenes.aabb,
            {},
            Origin(background=space.origin.background),
        ).to(device)
        self.model.mlp.start_direct(config.direct_gain)
        self.scenes = SceneParameters.fresh(planes, len(scenes), generator, device)
        self._config = config
        self._everyone = torch.arange(len(scenes))
        self._leaves = self.scenes.leaves(self._everyone)
        self._optimizer = torch.optim.Adam(self.model.mlp.parameters(), lr=config.mlp_rate, fused=True)

    @property
    def training_state(self) -> TrainingState:
        return TrainingState({"mlp": self.model.mlp, "scenes": self.scenes}, self._optimizer)

    def begin_step(self) -> Field:
        self._leaves = self.scenes.leaves(self._everyone)
        return self.scenes.skip_empty(self.model.field(*self._leaves), self._everyone, self._config.skipping)

    def penalty(self, field: Field, generator: torch.Generator) -> Tensor:
        assert isinstance(field, TriPlaneField)
        return self._config.tv * total_variation(field)

    def end_step(self, factor: float) -> None:
        _step(self._optimizer, self._config.mlp_rate * factor)
        move = Move(factor * self._config.rate, momentum=self._config.momentum)
        self.scenes.step(self._everyone, self._leaves, move)

    def finished(self) -> TriPlaneField:
        self.model.requires_grad_(False).eval()
        return with_occupancy(self.model.field(self.scenes.micro.values, self.scenes.coefficients.values))

    def state_dict(self) -> dict[str, Tensor]:
        return {"planes": self.scenes.micro.values, **_named("mlp", self.model.mlp), "aabb": self.aabb}


class _OneModule(SingleField):
    """What one Adam over all parameters of a module fits."""

    def __init__(self, module: nn.Module, aabb: Float[Tensor, "2 3"], rate: float) -> None:
        self.aabb = aabb
        self._module = module.to(aabb.device)
        self._rate = rate
        self._optimizer = torch.optim.Adam(module.parameters(), lr=rate)

    @property
    def training_state(self) -> TrainingState:
        return TrainingState({"scene": self._module}, self._optimizer)

    def end_step(self, factor: float) -> None:
        _step(self._optimizer, self._rate * factor)

    def state_dict(self) -> dict[str, Tensor]:
        return {**self._module.state_dict(), "aabb": self.aabb}


class NeRF(_OneModule):
    """A coarse and a fine network."""

    def __init__(self, scene: Dataset, config: SingleNeRF, space: CategoryModel, seed: int) -> None:
        torch.manual_seed(seed)
        activation = _channel_activation(space, config.network.channel_activation)
        network, channels = replace(config.network, channel_activation=activation), space.autoencoder.channels
        self._coarse, self._fine = NeRFNetwork(channels, network), NeRFNetwork(channels, network)
        super().__init__(nn.ModuleDict({"coarse": self._coarse, "fine": self._fine}), _box(scene, space), config.rate)

    def begin_step(self) -> NeRFField:
        return NeRFField(self._fine, self._coarse, self.aabb)

    def finished(self) -> NeRFField:
        self._module.requires_grad_(False)
        return self.begin_step()

    def penalty(self, field: Field, generator: torch.Generator) -> Tensor:
        return self.aabb.new_zeros(())


class SDF(_OneModule):
    """Signed distances on tri-planes; the first surface is a ball."""

    def __init__(self, scene: Dataset, config: SingleSDF, space: CategoryModel, seed: int) -> None:
        torch.manual_seed(seed)
        mlp = replace(config.mlp, channel_activation=_channel_activation(space, config.mlp.channel_activation))
        self._config = config
        self._parameters = _SDFParameters(config.planes.without_shared(), mlp, space.autoencoder.channels, scene.aabb)
        super().__init__(self._parameters, _box(scene, space), config.rate)

    def begin_step(self) -> SDFField:
        parts = self._parameters
        return SDFField(parts.planes, parts.mlp, parts.log_beta, self.aabb)

    def finished(self) -> SDFField:
        self._module.requires_grad_(False)
        return self.begin_step()

    def penalty(self, field: Field, generator: torch.Generator) -> Tensor:
        assert isinstance(field, SDFField)
        lower, upper = self.aabb
        points = lower + (upper - lower) * torch.rand(_EIKONAL_POINTS, 3, generator=generator).to(lower.device)
        gradients = field.gradients(points, [len(points)])
        planes = TriPlaneField(field.planes, field.mlp, field.aabb)
        return self._config.tv * total_variation(planes) + self._config.eikonal * eikonal_loss(gradients)


class Installed(_OneModule):
    """A module of another package, which an entry point of the group ``triptych.fields`` makes.

    It is called with the number of channels and the box, and gives a module as `ModuleField` takes it.
    """

    def __init__(self, scene: Dataset, config: SingleInstalled, space: CategoryModel, seed: int) -> None:
        torch.manual_seed(seed)
        make = load_added(_ADDED, config.name)
        try:
            module = make(space.autoencoder.channels, scene.aabb)
        except Exception as error:  # of the other package's code
            raise broken(_ADDED, config.name, error) from None
        if not isinstance(module, nn.Module):
            raise InputError(f"the field {config.name!r} is a {type(module).__name__}, expected a torch.nn.Module")
        super().__init__(module.requires_grad_(True), _box(scene, space), config.rate)
        self._channels, self._are_colors = space.autoencoder.channels, space.is_image_space

    def begin_step(self) -> ModuleField:
        return ModuleField(self._module, self.aabb, self._channels, self._are_colors)

    def finished(self) -> ModuleField:
        self._module.requires_grad_(False)
        return self.begin_step()

    def penalty(self, field: Field, generator: torch.Generator) -> Tensor:
        return self.aabb.new_zeros(())


class _SDFParameters(nn.Module):
    def __init__(self, planes: PlaneConfig, mlp: MLPConfig, channels: int, aabb: Float[Tensor, "2 3"]) -> None:
        super().__init__()
        self.planes = nn.Parameter(0.01 * torch.randn(1, *planes.micro_shape))
        self.mlp = TinyMLP(planes.features, channels, mlp)
        self.log_beta = nn.Parameter((_FIRST_BETA * (aabb[1] - aabb[0]).min()).log())


def create_field(scenes: Dataset, config: SingleConfig, space: CategoryModel, seed: int) -> SingleField:
    """A fresh field of the kind that the configuration is of, on the device of the space.

    Args:
        scenes: one; for tri-planes also several, see there.
        config: all settings.
        space: what the field's channels are.
        seed: of the parameters.
    """
    kinds: Mapping[type[SingleConfig], Any] = {
        SingleTriPlanes: TriPlanes,
        SingleNeRF: NeRF,
        SingleSDF: SDF,
        SingleInstalled: Installed,
    }
    return kinds[type(config)](scenes, config, space, seed)


def _box(scenes: Dataset, space: CategoryModel) -> Float[Tensor, "2 3"]:
    return scenes.aabb.to(space.aabb.device)


def _channel_activation(space: CategoryModel, of_pictures: str) -> str:
    """That of a field's channels: as configured for pictures, and as its category model has it for latents."""
    return of_pictures if space.is_image_space else space.config.mlp.channel_activation


def _step(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    optimizer.zero_grad()


def _named(prefix: str, module: nn.Module) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": tensor for name, tensor in module.state_dict().items()}
