"""Planes whose rows, and whose columns, are sums of a few of others'."""

import pytest
import torch

from triptych.representation import planes as reference
from triptych.representation.kernels import along_both_axes


@pytest.mark.parametrize("features", [1, 10])
@pytest.mark.parametrize("size", [(16, 8), (8, 16), (5, 5)])
def test_it_is_the_product_with_the_matrix_along_each_axis(size: tuple[int, int], features: int) -> None:
    random = torch.Generator().manual_seed(0)
    matrix = torch.randn(*size, generator=random).tril(1).triu(-2)
    matrix[0] = 0
    planes = torch.randn(2, 3, size[1], size[1], features + 3, generator=random)[..., :features]
    expected = torch.einsum("yr,xc,sprcf->spyxf", matrix.double(), matrix.double(), planes.double())
    for found in (along_both_axes(matrix, planes), reference.along_both_axes(matrix, planes)):
        assert torch.allclose(found.double(), expected, atol=1e-5)
