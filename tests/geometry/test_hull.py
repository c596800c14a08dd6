"""Similarities carry cameras and points alike; hulls are what silhouettes allow."""

import math

import pytest
import torch

from triptych.geometry import Cameras, look_at
from triptych.geometry.hull import Silhouettes, carve, cell_centers, in_pictures, main_pieces, surface_cells
from triptych.geometry.similarity import Similarity, about_axis, rotation_between


def _unit(*numbers: float) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.tensor(numbers, dtype=torch.float64), dim=0)


def _cameras(eyes: list[list[float]], side: int = 64) -> Cameras:
    intrinsics = torch.tensor([[2.0 * side, 2.0 * side, side / 2, side / 2]]).double().expand(len(eyes), 4)
    return Cameras(look_at(torch.tensor(eyes).double()), intrinsics, side, side)


def test_cameras_that_are_carried_along_show_the_same() -> None:
    moved = Similarity(2.5, about_axis(0, 40.0) @ about_axis(2, 70.0), torch.tensor([1.0, -2.0, 0.5]).double())
    cameras, points = _cameras([[3.0, 0.5, 1.0], [-1.0, 2.0, 2.0]]), torch.rand(5, 3).double() - 0.5
    seen, carried = cameras.project(points), moved.cameras(cameras).project(moved.points(points))
    torch.testing.assert_close(carried.points, seen.points)
    torch.testing.assert_close(carried.depth, 2.5 * seen.depth)
    both = moved.after(moved)
    torch.testing.assert_close(both.points(points), moved.points(moved.points(points)))


def test_a_ball_becomes_the_unit_ball() -> None:
    similarity = Similarity.onto_ball(torch.tensor([1.0, 2, 3]).double(), 4.0, about_axis(2, 90.0))
    ends = similarity.points(torch.tensor([[1.0, 2, 3], [5.0, 2, 3]]).double())
    torch.testing.assert_close(ends, torch.tensor([[0.0, 0, 0], [0, 0.5, 0]]).double())


@pytest.mark.parametrize("end", [(0.3, -0.8, 0.5), (1.0, 2.0, 3.0), (-1.0, -2.0, -3.0)])
def test_the_shortest_rotation_between_two_directions(end: tuple[float, ...]) -> None:
    start, end_unit = _unit(1, 2, 3), _unit(*end)
    rotation = rotation_between(start, end_unit)
    torch.testing.assert_close(rotation @ start, end_unit)
    torch.testing.assert_close(torch.det(rotation), torch.tensor(1.0).double())
    angle = math.acos(max(-1.0, min(1.0, float((torch.trace(rotation) - 1) / 2))))
    assert angle == pytest.approx(math.acos(max(-1.0, min(1.0, float(start @ end_unit)))), abs=1e-6)


def _of_a_ball(radius: float, eyes: list[list[float]]) -> Silhouettes:
    cameras = _cameras(eyes)
    rays = cameras.rays()
    nearest = torch.linalg.cross(rays.origins, rays.directions).norm(dim=-1)
    shown = (nearest <= radius).reshape(len(eyes), 64, 64)
    return Silhouettes(shown, torch.ones_like(shown), cameras)


AROUND = [[math.cos(a) * 3, math.sin(a) * 3, z] for a in (0.0, 1.0, 2.1, 3.2, 4.2, 5.3) for z in (-2.0, 0.0, 2.0)]


def test_the_hull_of_a_ball_holds_it_and_little_more() -> None:
    hull, radii = carve(_of_a_ball(0.3, AROUND), 32), cell_centers(32).norm(dim=-1)
    assert hull[radii < 0.27].all()
    assert not hull[radii > 0.38].any()
    surface = surface_cells(hull)
    assert hull[surface].all()
    assert 0 < surface.sum() < 0.5 * hull.sum()


def test_views_that_contradict_are_tolerated_up_to_a_share() -> None:
    views = _of_a_ball(0.3, AROUND)
    views.shown[4] = False
    assert not carve(views, 16).any()
    assert carve(views, 16, tolerated=1 / len(AROUND)).any()


def test_what_a_picture_does_not_show_says_nothing() -> None:
    views = _of_a_ball(0.3, AROUND)
    views.inside[4] = False
    views.shown[4] = False
    assert torch.equal(carve(views, 16), carve(_of_a_ball(0.3, AROUND[:4] + AROUND[5:]), 16))
    points = torch.tensor([[0.0, 0, 0], [6.0, 0, 0]]).double()
    assert in_pictures(points, views)[[0, 4]].tolist() == [[True, False], [False, False]]


def test_small_pieces_of_a_hull_are_left_out() -> None:
    hull = torch.zeros(12, 12, 12, dtype=torch.bool)
    hull[1:6, 1:6, 1:6] = True
    hull[6, 6, 6] = True  # touches that at a corner
    kept = hull.clone()
    kept[9:12, 9:12, 9:12] = hull[9:12, 9:12, 9:12] = True  # 27 of 126
    hull[0, 11, 0:3] = True
    assert torch.equal(main_pieces(hull, 0.1), kept)
    assert torch.equal(main_pieces(hull, 0.0), hull)
    assert int(main_pieces(hull, 0.5).sum()) == 126
    assert not main_pieces(torch.zeros_like(hull), 0.1).any()
