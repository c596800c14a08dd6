"""A category model that nobody has trained and scenes of it, for tests of what is stored."""

import torch

from triptych.autoencoder import LatentNormalization
from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.bank import SceneBank, StoredScene, findings
from triptych.model import CategoryModel, ModelConfig
from triptych.model.first_step import FirstStep
from triptych.model.modes import side_of
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig

AABB = torch.tensor([[-0.5, -0.5, -0.5], [0.5, 0.5, 0.5]])


def untrained_model(seed: int = 0, planes: PlaneConfig | None = None) -> CategoryModel:
    """A model of RGB tri-planes; another seed gives another model."""
    planes = planes or PlaneConfig(resolution=8, micro_features=4, macro_features=4, base_planes=3)
    config = ModelConfig(planes, MLPConfig(hidden=4, hidden_activation="relu"), SamplingConfig(4, 0), 8, 8)
    unit = LatentNormalization("affine", torch.zeros(3), torch.ones(3))
    base = torch.randn(planes.base_shape, generator=torch.Generator().manual_seed(seed))
    torch.manual_seed(seed)  # for the weights of its MLP
    return CategoryModel(config, IdentityAutoencoder(), unit, base, AABB, {}).requires_grad_(False).eval()


def give_modes(model: CategoryModel) -> None:
    """Two random modes of variation."""
    side, features = side_of(model.config.planes.resolution), model.config.planes.micro_features
    model.modes = torch.randn(2, 3, side, side, features, generator=torch.Generator().manual_seed(0))


def give_first_step(model: CategoryModel) -> None:
    """A random first step along its modes and base planes, against the slopes."""
    random = torch.randn(model.places + 1, model.places, generator=torch.Generator().manual_seed(1))
    model.first_step = FirstStep(0.1 * random - torch.eye(model.places + 1, model.places), 0.25)


def scene(model: CategoryModel, value: float) -> StoredScene:
    """A scene all of whose numbers are the same."""
    planes = model.config.planes
    return StoredScene(
        torch.full(planes.micro_shape, value), torch.full((planes.coefficients,), value), "f", {"value": value}
    )


def faults(bank: SceneBank) -> list[str]:
    """What is wrong with a bank."""
    return [f"{what}: {fault}" for what, fault in findings(bank) if fault is not None]
