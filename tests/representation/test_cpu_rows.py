"""Adam on micro planes in one pass, against the tensors of each operation."""

import pytest
import torch

from triptych.representation.kernels.cpu import rows
from triptych.training.move import Move
from triptych.training.row_adam import RowAdam
from triptych.training.smoothing import gaussian, smoothed


def plane_rows(side: int, micro: int, features: int) -> tuple[RowAdam, RowAdam, torch.Tensor]:
    """The same rows twice, and full planes of which the first features are theirs."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(2, 3, side, side, micro, generator=generator)
    shared = torch.randn(2, 3, side, side, features - micro, generator=generator)
    return RowAdam(values.clone()), RowAdam(values.clone()), torch.cat([values, shared], dim=-1)


@pytest.mark.parametrize("micro", [24, 10, 32, 3])
@pytest.mark.parametrize("smoothing", [0.0, 0.4, 1.5, 4.0])
def test_steps_are_those_of_adam_along_smoothed_gradients(micro: int, smoothing: float) -> None:
    usual, own, planes = plane_rows(16, micro, 32)
    shared, everyone = planes[..., micro:].clone(), torch.arange(2)
    assert rows.supports(planes)
    own.steps[1] = usual.steps[1] = 40  # scenes need not have taken as many steps
    for step in range(3):
        gradient = torch.randn(planes.shape, generator=torch.Generator().manual_seed(step))
        gradient[0, :, :9] = 0  # as outside of what rays have seen
        gradient[1, 1] = 0
        move = Move(micro=2e-2, momentum=0.3, smoothing=smoothing)
        slopes = smoothed(3 * gradient[..., :micro], gaussian(16, smoothing))
        usual.step(everyone, slopes, move.micro, move.momentum)
        own.step_within(planes, gradient, 3.0, move)
    for name, expected in usual.state_dict().items():
        # Where a slope is all but zero, rounding decides in which direction Adam goes.
        assert torch.allclose(own.state_dict()[name], expected, rtol=1e-4, atol=5e-5 if name == "values" else 1e-6), (
            name
        )
    assert torch.equal(planes[..., :micro], own.values)
    assert torch.equal(planes[..., micro:], shared)


@pytest.mark.parametrize(("side", "features"), [(9, 32), (16, 20), (4, 32), (8, 2)])
def test_sizes_that_loops_do_not_take_are_said_to_be_none_of_theirs(side: int, features: int) -> None:
    assert not rows.supports(torch.zeros(1, 3, side, side, features))
