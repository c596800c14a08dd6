import pytest
import torch

from triptych.representation.config import MLPConfig
from triptych.representation.mlp import TinyMLP


@pytest.fixture(scope="module")
def features() -> torch.Tensor:
    return torch.rand(20, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 4 - 2


@pytest.mark.parametrize(("activation", "tolerance"), [("relu", 1e-12), ("softplus", 0.06)])
def test_the_first_features_add_to_density_and_channels(
    features: torch.Tensor, activation: str, tolerance: float
) -> None:
    torch.manual_seed(0)
    mlp = TinyMLP(6, 3, MLPConfig(hidden=16, hidden_activation=activation)).double()  # pyright: ignore[reportArgumentType]
    mlp.start_direct(4.0)
    more = features.clone()
    more[:, :4] += torch.tensor([0.5, -0.25, 1.0, 0.125])
    with torch.no_grad():
        random = mlp.raw(more) - mlp.raw(features)
        direct = torch.tensor([[4 * 0.5, 2 * -0.25, 2 * 1.0, 2 * 0.125]], dtype=torch.float64)
        mlp.output.weight[:, 4:] = 0.0
        mlp_alone = mlp.raw(more) - mlp.raw(features)
    assert not torch.allclose(random, direct.expand_as(random))  # the other units still say something
    torch.testing.assert_close(mlp_alone, direct.expand_as(mlp_alone), rtol=tolerance, atol=tolerance)


def test_without_a_gain_all_units_stay_random() -> None:
    torch.manual_seed(0)
    mlp = TinyMLP(6, 3, MLPConfig(hidden=16))
    before = {name: tensor.clone() for name, tensor in mlp.state_dict().items()}
    mlp.start_direct(0.0)
    assert all(torch.equal(tensor, before[name]) for name, tensor in mlp.state_dict().items())


@pytest.mark.parametrize(("features", "hidden"), [(1, 16), (6, 2)])
def test_a_network_with_too_little_room_has_as_many_direct_units_as_fit(features: int, hidden: int) -> None:
    mlp = TinyMLP(features, 3, MLPConfig(hidden=hidden, hidden_activation="relu"))
    mlp.start_direct(1.0)
    one = torch.zeros(features)
    one[0] = 1.0
    with torch.no_grad():
        change = mlp.raw(one) - mlp.raw(torch.zeros(features))
    units = min(features, hidden)
    assert change[0].item() == pytest.approx(1.0, abs=0.0 if hidden == units else 2.0)
