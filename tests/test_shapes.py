"""The canary: shapes are really checked while the tests run."""

import pytest
import torch

from triptych.geometry import Rays, intersect_aabb


def test_a_wrong_shape_raises() -> None:
    rays = Rays(torch.zeros(4, 3), torch.ones(4, 3))
    with pytest.raises(Exception, match="aabb"):
        intersect_aabb(rays, torch.zeros(3, 3))
