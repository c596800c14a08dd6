import pytest
import torch

from triptych.representation.config import PlaneConfig
from triptych.training.conditions import CPU
from triptych.training.host_rows import HostRows, are_kept_by_host
from triptych.training.lean_adam import LeanRowAdam
from triptych.training.row_adam import RowAdam
from triptych.training.scenes import SceneParameters


def test_agrees_with_torch_adam_on_every_row_alone() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4, 2, 3, generator=generator)
    rows = RowAdam(values.clone())
    alone = [torch.nn.Parameter(row.clone()) for row in values]
    optimizers = [torch.optim.Adam([parameter], lr=0.01) for parameter in alone]
    for chosen in ([0, 2], [2, 3], [0, 2, 3]):
        gradient = torch.randn(len(chosen), 2, 3, generator=generator)
        rows.step(torch.tensor(chosen), gradient, 0.01)
        for row, part in zip(chosen, gradient, strict=True):
            alone[row].grad = part
            optimizers[row].step()
    assert torch.allclose(rows.values, torch.stack([parameter.detach() for parameter in alone]), atol=1e-7)


def test_rows_outside_the_batch_are_not_moved_by_stale_momentum() -> None:
    rows = RowAdam(torch.zeros(2, 3))
    rows.step(torch.tensor([0, 1]), torch.ones(2, 3), 0.1)
    before = {name: tensor.clone() for name, tensor in rows.state_dict().items()}
    rows.step(torch.tensor([0]), torch.ones(1, 3), 0.1)
    after = rows.state_dict()
    assert all(torch.equal(before[name][1], after[name][1]) for name in before)
    assert not torch.equal(before["values"][0], after["values"][0])


def test_lean_moments_follow_the_same_path_where_the_features_of_a_texel_have_gradients_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(3, 5, 4, generator=generator)
    full, lean = RowAdam(values.clone()), LeanRowAdam(values.clone())
    for chosen in ([0, 2], [2], [0, 2], [2]):
        of_texels = torch.randn(len(chosen), 5, 1, generator=generator)
        signs = torch.randint(0, 2, (len(chosen), 5, 4), generator=generator) * 2.0 - 1
        for rows in (full, lean):
            rows.step(torch.tensor(chosen), of_texels * signs, 0.1)
    assert torch.allclose(lean.values, full.values, atol=2e-3)
    assert torch.equal(lean.values[1], values[1])
    assert not torch.allclose(lean.values[2], values[2], atol=0.1)


def test_lean_moments_take_less_than_half_of_the_others() -> None:
    full, lean = (rows(torch.zeros(2, 3, 8, 8, 10)) for rows in (RowAdam, LeanRowAdam))
    full_bytes, lean_bytes = (
        sum(tensor.nbytes for name, tensor in rows.state_dict().items() if name.endswith("moment"))
        for rows in (full, lean)
    )
    assert lean_bytes < 0.31 * full_bytes


def test_without_momentum_a_gradient_moves_a_texel_once_alone() -> None:
    rows = {momentum: RowAdam(torch.zeros(1, 2)) for momentum in (0.0, 0.9)}
    for momentum, each in rows.items():
        each.step(torch.tensor([0]), torch.ones(1, 2), 0.1, momentum)
        after_one = each.values.clone()
        each.step(torch.tensor([0]), torch.zeros(1, 2), 0.1, momentum)
        assert torch.allclose(after_one, torch.full((1, 2), -0.1))
        assert torch.equal(each.values, after_one) == (momentum == 0.0)


@pytest.mark.parametrize("kind", [RowAdam, LeanRowAdam])
def test_rows_in_the_hosts_memory_are_moved_as_those_on_the_device(kind: type[RowAdam]) -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(4, 2, 3, generator=generator)
    here, rows = kind(values.clone()), kind(values.clone())
    by_host = HostRows(rows, CPU)
    for chosen in ([0, 2], [], [3, 2], [0, 2, 3]):
        of_step, gradient = torch.tensor(chosen, dtype=torch.int64), torch.randn(len(chosen), 2, 3, generator=generator)
        leaf = by_host.leaf(of_step)
        assert torch.equal(leaf, here.leaf(of_step))
        assert leaf.requires_grad
        here.step(of_step, gradient, 0.1, 0.3)
        by_host.step(of_step, gradient, 0.1, 0.3)
    for name, tensor in here.state_dict().items():
        assert torch.equal(by_host.state_dict()[name], tensor), name
    assert by_host.state_dict()["values"] is by_host.values


def test_planes_that_take_too_much_of_a_gpu_stay_with_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    planes, elsewhere = PlaneConfig(resolution=4, micro_features=2), torch.device("meta")
    monkeypatch.setattr("triptych.training.host_rows.free_memory", lambda device: 4 * 3 * planes_bytes(planes))
    assert are_kept_by_host(3 * 3 * planes_bytes(planes), torch.device("cuda"))
    assert not are_kept_by_host(3 * planes_bytes(planes), torch.device("cuda"))
    assert not are_kept_by_host(1 << 60, CPU)
    for kept, place in ((False, "meta"), (True, "cpu")):
        monkeypatch.setattr("triptych.training.scenes.are_kept_by_host", lambda size, device, kept=kept: kept)
        scenes = SceneParameters.fresh(planes, 3, torch.Generator(), elsewhere)
        assert {name: tensor.device.type for name, tensor in scenes.state_dict().items()} == {
            name: place if name.startswith("micro") else "cpu" if name == "visits" else "meta"
            for name in scenes.state_dict()
        }
        assert {leaf.device.type for leaf in scenes.leaves(torch.tensor([2, 0]))} == {"meta"}


def planes_bytes(planes: PlaneConfig) -> int:
    """Of the micro planes of a scene."""
    return 4 * torch.Size(planes.micro_shape).numel()
