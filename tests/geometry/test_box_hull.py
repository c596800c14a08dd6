"""The visual hull in the cells of a scene box."""

import torch

from triptych.geometry import Cameras, bit_grid, hemisphere_cameras
from triptych.geometry.box_hull import box_hull

AABB = torch.tensor([[-0.5, -0.4, -0.3], [0.5, 0.4, 0.3]])
CENTER = torch.tensor([0.1, -0.05, 0.02])
RADIUS = 0.15


def pictures_of_a_ball(cameras: Cameras) -> torch.Tensor:
    """The pixels whose middle sees the ball."""
    rays = cameras.rays()
    to_center = CENTER - rays.origins
    along = (to_center * rays.directions).sum(dim=-1, keepdim=True)
    distance = (to_center - along * rays.directions).norm(dim=-1)
    return (distance < RADIUS).reshape(len(cameras), cameras.height, cameras.width)


def centers() -> torch.Tensor:
    ticks = (torch.arange(32.0) + 0.5) / 32
    z, y, x = torch.meshgrid(ticks, ticks, ticks, indexing="ij")
    return AABB[0] + torch.stack([x, y, z], dim=-1) * (AABB[1] - AABB[0])


def test_every_cell_that_a_ball_touches_is_left_and_hardly_any_other() -> None:
    cameras = hemisphere_cameras(24, 96, seed=3)
    left = bit_grid.unpack(box_hull(pictures_of_a_ball(cameras), cameras, AABB))
    distance, half_a_cell = (centers() - CENTER).norm(dim=-1), float((AABB[1] - AABB[0]).norm()) / 64
    assert left[distance < RADIUS].all()
    assert 1 < float(left.sum() / (distance < RADIUS + half_a_cell).sum()) < 2
    assert not left[distance > 0.4].any()


def test_a_view_that_shows_nothing_is_outvoted_by_five_others_and_two_are_not() -> None:
    cameras = hemisphere_cameras(8, 96, seed=3)
    shown = pictures_of_a_ball(cameras)
    inside = (centers() - CENTER).norm(dim=-1) < RADIUS
    shown[2] = False
    assert bit_grid.unpack(box_hull(shown, cameras, AABB))[inside].all()
    assert not box_hull(shown[:5], cameras[:5], AABB).any()
    shown[5] = False
    assert not box_hull(shown, cameras, AABB).any()


def test_what_a_picture_does_not_hold_is_not_carved_by_it() -> None:
    cameras = hemisphere_cameras(1, 96, seed=3)
    aside = Cameras(cameras.c2w, cameras.intrinsics + torch.tensor([0.0, 0.0, 500.0, 0.0]), 96, 96)
    behind = Cameras(cameras.c2w * torch.tensor([1.0, 1.0, -1.0, 1.0]), cameras.intrinsics, 96, 96)
    nothing = torch.zeros(1, 96, 96, dtype=torch.bool)
    assert bit_grid.unpack(box_hull(nothing, cameras, AABB)).float().mean() < 0.2
    for camera in (aside, behind):
        assert bit_grid.unpack(box_hull(nothing, camera, AABB)).all()
