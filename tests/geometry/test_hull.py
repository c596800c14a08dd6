import torch

from triptych.geometry import Cameras, hemisphere_cameras
from triptych.geometry.hull import visual_hull

AABB = torch.tensor([[-0.35, -0.35, -0.3], [0.35, 0.35, 0.3]])
CENTER, RADIUS = torch.tensor([0.05, -0.05, 0.0]), 0.15


def ball_silhouettes(cameras: Cameras) -> torch.Tensor:
    rays = cameras.rays()
    offset = rays.origins - CENTER
    along = (offset * rays.directions).sum(-1)
    hit = along**2 - offset.square().sum(-1) + RADIUS**2 > 0
    return hit.reshape(len(cameras), cameras.height, cameras.width)


def distance_of_cells() -> torch.Tensor:
    middles = (torch.arange(32) + 0.5) / 32
    z, y, x = torch.meshgrid(middles, middles, middles, indexing="ij")
    points = AABB[0] + (AABB[1] - AABB[0]) * torch.stack([x, y, z], dim=-1)
    return (points - CENTER).norm(dim=-1)


def test_the_hull_holds_the_object_and_little_else() -> None:
    cameras = hemisphere_cameras(24, 64, seed=0)
    hull, distance = visual_hull(cameras, ball_silhouettes(cameras), AABB), distance_of_cells()
    half_diagonal = float((AABB[1] - AABB[0]).norm()) / 64
    assert hull[distance < RADIUS + half_diagonal].all()
    assert not hull[distance > 1.7 * RADIUS].any()


def test_one_view_may_miss_the_object_two_may_not() -> None:
    cameras = hemisphere_cameras(24, 64, seed=0)
    silhouettes, distance = ball_silhouettes(cameras), distance_of_cells()
    silhouettes[3] = False
    assert visual_hull(cameras, silhouettes, AABB)[distance < RADIUS].all()
    silhouettes[7] = False
    assert not visual_hull(cameras, silhouettes, AABB).any()


def test_a_picture_does_not_speak_against_what_it_does_not_show() -> None:
    inside = Cameras(torch.eye(4)[None, :3], torch.tensor([[40.0, 40.0, 16.0, 16.0]]), 32, 32)
    hull = visual_hull(inside, torch.zeros(1, 32, 32, dtype=torch.bool), AABB, tolerated=0)
    assert hull[:16].all()  # behind the camera, which looks along z
    away = Cameras(inside.c2w + torch.tensor([0.0, 0.0, 0.0, 5.0]), inside.intrinsics, 32, 32)
    assert visual_hull(away, torch.zeros(1, 32, 32, dtype=torch.bool), AABB, tolerated=0).all()
