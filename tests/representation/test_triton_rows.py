"""Adam on rows of a large array: the GPU kernel, run by Triton's interpreter or on a GPU, against torch's own."""

import pytest
import torch
from kernel_cases import DEVICE

from triptych.training.row_adam import RowAdam

pytest.importorskip("triton", reason="the GPU kernel needs Triton, which is made for Linux alone")
rows_kernel = pytest.importorskip("triptych.representation.kernels.triton.rows")


@pytest.mark.parametrize("shape", [(2, 3), (3, 5, 5, 7), (1300,)])
@pytest.mark.parametrize("momentum", [0.9, 0.3, 0.0])
def test_rows_move_as_with_torch(shape: tuple[int, ...], momentum: float) -> None:
    generator = torch.Generator().manual_seed(int(torch.seed() % 2**31))
    values = torch.randn(5, *shape, generator=generator).to(DEVICE)
    expected, fused = RowAdam(values.clone()), RowAdam(values.clone())
    for chosen in ([4, 1], [1], [], [0, 1, 2, 4], [2, 1]):
        rows = torch.tensor(chosen, dtype=torch.int64, device=DEVICE)
        gradient = torch.randn(len(chosen), *shape, generator=generator).to(DEVICE)
        expected.step(rows, gradient, 0.02, momentum)
        of_kernel = rows_kernel.Rows(*fused.state_dict().values())
        rows_kernel.step_rows(of_kernel, rows, gradient, 0.02, (momentum, 0.999), 1e-8)
    for name, tensor in expected.state_dict().items():
        assert torch.allclose(fused.state_dict()[name], tensor, rtol=1e-5, atol=1e-6), name
    assert torch.equal(fused.values[3], values[3])


def test_a_gpu_takes_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    monkeypatch.setattr("triptych.training.row_adam.has_triton_for", lambda tensor: True)
    monkeypatch.setattr(rows_kernel, "step_rows", lambda rows, chosen, *others: taken.append(len(chosen)))
    RowAdam(torch.zeros(3, 2)).step(torch.tensor([2, 0]), torch.ones(2, 2), 0.1)
    assert taken == [2]
