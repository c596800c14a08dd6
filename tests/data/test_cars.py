"""The procedural cars: geometry, pictures and the dataset made of them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numba import njit
from PIL import Image

from triptych.data.generators.cars import AABB, CarsConfig, make_cars, render_car
from triptych.data.generators.cars.car import POINTS_PER_CORNER, Car, draw_car, rounded_polygon
from triptych.data.generators.cars.kinds import KINDS
from triptych.data.generators.cars.shape import CELL, COLUMNS, GRID_X, GRID_Z, ROWS, car_distance, profile_distances
from triptych.data.generators.cars.surface import PLAIN
from triptych.data.generators.cars.tracer import BOX_MARGIN, STEP, trace
from triptych.errors import InputError
from triptych.geometry import Cameras, hemisphere_cameras
from triptych.geometry.cameras import look_at

FRONT, BACK, LEFT, RIGHT, TOP = (
    (1.3, 0.0, 0.2),
    (-1.3, 0.0, 0.2),
    (0.0, 1.3, 0.0),
    (0.0, -1.3, 0.0),
    (0.0, 0.0, 1.3),
)


def _cameras(eyes: list[tuple[float, float, float]], resolution: int) -> Cameras:
    pixels = resolution * 131.25 / 128
    intrinsics = torch.tensor([[pixels, pixels, resolution / 2, resolution / 2]]).expand(len(eyes), 4)
    return Cameras(look_at(torch.tensor(eyes)), intrinsics, resolution, resolution)


def _one_index_of_each_kind() -> list[int]:
    indices: dict[str, int] = {}
    for index in range(200):
        indices.setdefault(draw_car(index, 0).kind, index)
    return list(indices.values())


@njit
def _distances(car, profiles, points):
    out = np.empty(len(points))
    for i in range(len(points)):
        out[i] = car_distance(car, profiles, points[i, 0], points[i, 1], points[i, 2])
    return out


def _distance_to(car: Car, points) -> np.ndarray:
    """Distances to a car from points [point, 3] over a ground at z = 0."""
    return _distances(car.lengths, profile_distances(car.body, car.cabin), np.array(points, dtype=float))


def test_all_kinds_come_up_in_the_promised_lengths() -> None:
    cars = [draw_car(index, 3) for index in range(150)]
    assert {car.kind for car in cars} == set(KINDS)
    assert all(0.8 <= 2 * car.lengths.half_length <= 1.05 for car in cars)


def test_proportions_vary_continuously() -> None:
    heights = [draw_car(index, 1).lengths.height for index in range(60)]
    assert len(set(heights)) == 60


def test_index_and_seed_decide_the_car() -> None:
    cameras = hemisphere_cameras(2, 32, 0)
    picture = render_car(5, 7, cameras)
    np.testing.assert_array_equal(picture, render_car(5, 7, cameras))
    assert (picture != render_car(6, 7, cameras)).any()
    assert (picture != render_car(5, 8, cameras)).any()


def test_views_do_not_depend_on_each_other() -> None:
    cameras = hemisphere_cameras(4, 24, 0)
    np.testing.assert_array_equal(render_car(0, 0, cameras)[2:3], render_car(0, 0, cameras[[2]]))


def test_two_samples_an_axis_average_the_pixels_of_twice_the_resolution() -> None:
    coarse = render_car(2, 0, hemisphere_cameras(2, 32, 1), samples_per_axis=2).astype(float)
    fine = render_car(2, 0, hemisphere_cameras(2, 64, 1), samples_per_axis=1).astype(float)
    blocks = fine.reshape(2, 32, 2, 32, 2, 4).transpose(0, 1, 3, 2, 4, 5).reshape(2, 32, 32, 4, 4)
    np.testing.assert_allclose(coarse[..., 3], blocks[..., 3].mean(-1), atol=0.51)
    covered = blocks[..., 3:] > 0
    hits = covered.sum(-2)
    # Straight alpha: the color of an edge pixel is that of the car alone.
    color = (blocks[..., :3] * covered).sum(-2) / np.maximum(hits, 1)
    close = np.abs(coarse[..., :3] - color) <= 1.01
    assert (close | (hits == 0)).mean() > 0.999
    assert (coarse[..., :3][coarse[..., 3] == 0] == 255).all()


def test_each_car_is_inside_the_category_box_which_is_tight() -> None:
    lower, upper = (np.array(corner) for corner in AABB)
    cameras = _cameras([FRONT, BACK, LEFT, TOP, (0.8, 0.8, 0.7)], 48)
    rays = cameras.rays()
    origins, directions = rays.origins.double().numpy(), rays.directions.double().numpy()
    with np.errstate(divide="ignore", invalid="ignore"):
        a, b = (lower - origins) / directions, (upper - origins) / directions
    misses = np.minimum(a, b).max(-1) > np.maximum(a, b).min(-1)
    reach = np.zeros(3)
    for index in range(60):
        alpha = render_car(index, 0, cameras, samples_per_axis=1)[..., 3].reshape(len(cameras), -1)
        assert not alpha[misses].any()
        car = draw_car(index, 0).lengths
        reach = np.maximum(reach, [car.half_length, car.half_width + car.mirror_size, car.height / 2])
    assert (reach <= upper).all()
    assert (reach > upper - 0.04).all()


def test_no_car_is_cut_by_the_box_its_rays_are_clipped_to() -> None:
    side = np.linspace(-1, 1, 25)
    for index in _one_index_of_each_kind():
        car = draw_car(index, 0)
        half_x = car.lengths.half_length + BOX_MARGIN
        half_y = car.lengths.half_width + 1.4 * car.lengths.mirror_size
        top = car.lengths.height + BOX_MARGIN
        faces = [
            point
            for u in side
            for v in side
            for point in (
                (half_x, u * half_y, (v + 1) / 2 * top),
                (-half_x, u * half_y, (v + 1) / 2 * top),
                (u * half_x, half_y, (v + 1) / 2 * top),
                (u * half_x, v * half_y, top),
                (u * half_x, v * half_y, -1e-6),
            )
        ]
        assert (_distance_to(car, faces) > 0).all()


def test_cars_stand_on_four_wheels_centered_in_the_box() -> None:
    for index in range(20):
        car = draw_car(index, 0)
        middle = car.lengths.half_width - car.lengths.wheel_half_width
        axles = (car.lengths.front_axle, car.lengths.rear_axle)
        feet = [(axle, y, 0.005) for axle in axles for y in (middle, -middle)]
        assert (_distance_to(car, feet) < 0).all()
        roof = _distance_to(car, [(x, 0.0, car.lengths.height) for x in np.linspace(-0.5, 0.5, 201)])
        assert 0 <= roof.min() < 0.02


def test_distances_let_no_ray_step_through_the_surface() -> None:
    random = np.random.default_rng(0)
    for index in _one_index_of_each_kind():
        car = draw_car(index, 0)
        start = random.uniform([-0.6, -0.3, 0.0], [0.6, 0.3, 0.5], (3000, 3))
        step = random.normal(size=(3000, 3))
        step /= np.linalg.norm(step, axis=1, keepdims=True)
        distance = _distance_to(car, start)
        outside = distance > 0
        for part in (0.3, 0.6, STEP):
            between = start + part * distance[:, None] * step
            assert (_distance_to(car, between)[outside] > -1e-3).all()


def test_both_sides_have_the_same_outline() -> None:
    pictures = render_car(4, 0, _cameras([LEFT, RIGHT], 64))
    np.testing.assert_array_equal(pictures[0, :, :, 3], pictures[1, :, ::-1, 3])


def test_front_looks_along_x_with_white_lamps_and_red_ones_at_the_back() -> None:
    blue = next(
        index
        for index in range(500)
        if (car := draw_car(index, 0)).lengths.scheme == PLAIN
        and car.paints[0, 2] > 2 * car.paints[0, 0]
        and car.kind == "sedan"
    )
    front, back = render_car(blue, 0, _cameras([FRONT, BACK], 64))[..., :3].astype(int)
    warm = [(view[..., 0] - view[..., 2] > 15) & (view[..., 1] > 100) for view in (front, back)]
    red = [(view[..., 0] > 60) & (view[..., 1] < view[..., 0] // 4) for view in (front, back)]
    assert warm[0].sum() > 10 > warm[1].sum()
    assert red[1].sum() > 10 > red[0].sum()


def test_a_surface_point_has_one_color_from_everywhere() -> None:
    """Two cameras on one line through a point of the roof see it alike, though one is twice as far away."""
    near, far = _cameras([(0.0, 0.0, 1.3)], 33), _cameras([(0.0, 0.0, 2.6)], 33)
    slanted = _cameras([(0.0, 0.9, 0.9)], 33)
    index = next(i for i in range(200) if (car := draw_car(i, 0)).kind == "bus" and car.lengths.scheme == PLAIN)
    middle = [int(render_car(index, 0, view)[0, 16, 16, 0]) for view in (near, far)]
    assert abs(middle[0] - middle[1]) <= 1
    roof = render_car(index, 0, slanted)[0, :, 16, 0].astype(int)
    assert np.abs(roof - middle[0]).min() <= 2


def test_all_cars_share_one_compiled_tracer() -> None:
    cameras = hemisphere_cameras(1, 8, 0)
    for index in _one_index_of_each_kind():
        render_car(index, 0, cameras)
    assert len(trace.signatures) == 1


def test_profile_distances_of_a_square() -> None:
    square = np.array([[-0.1, 0.1], [0.1, 0.1], [0.1, 0.3], [-0.1, 0.3]])
    grid = profile_distances(square, square[::-1].copy())
    x = GRID_X + CELL * np.arange(COLUMNS)
    z = (GRID_Z + CELL * np.arange(ROWS))[:, None]
    qx, qz = np.abs(x) - 0.1, np.abs(z - 0.2) - 0.1
    expected = np.hypot(np.maximum(qx, 0), np.maximum(qz, 0)) + np.minimum(np.maximum(qx, qz), 0)
    np.testing.assert_allclose(grid[..., 0], expected, atol=1e-9)
    np.testing.assert_allclose(grid[..., 1], expected, atol=1e-9)


def test_rounding_a_corner_stays_inside_it_and_leaves_the_edges_at_the_cut() -> None:
    points = rounded_polygon([(0.0, 0.0, 0.1), (1.0, 0.0, 0.0), (1.0, 1.0, 9.0), (0.0, 1.0, 0.0)])
    assert points.min() >= 0
    assert points.max() <= 1
    first, _, third, _ = points.reshape(4, POINTS_PER_CORNER, 2)
    np.testing.assert_allclose(first[[0, -1]], [[0.0, 0.1], [0.1, 0.0]])
    np.testing.assert_allclose(first[POINTS_PER_CORNER // 2], [0.025, 0.025])
    np.testing.assert_allclose(third[[0, -1]], [[1.0, 0.52], [0.52, 1.0]])


SMALL = {"views": 3, "resolution": 16}


def _files(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_dataset_holds_what_was_drawn(tmp_path) -> None:
    names = []
    make_cars(tmp_path, CarsConfig(count=3, train=2, seed=4, **SMALL), names.append)
    dataset = json.loads((tmp_path / "dataset.json").read_text())
    assert names == ["car_00000", "car_00001", "car_00002"]
    assert dataset["splits"] == {"train": names[:2], "test": names[2:]}
    assert dataset["aabb"] == [list(corner) for corner in AABB]
    transforms = json.loads((tmp_path / "car_00001" / "transforms.json").read_text())
    matrices = torch.tensor([frame["transform_matrix"] for frame in transforms["frames"]])[:, :3]
    matrices[:, :, 1:3] *= -1
    intrinsics = torch.tensor([[transforms[key] for key in ("fl_x", "fl_y", "cx", "cy")]]).expand(3, 4)
    stored = np.stack(
        [np.array(Image.open(tmp_path / "car_00001" / frame["file_path"])) for frame in transforms["frames"]]
    )
    np.testing.assert_array_equal(stored, render_car(1, 4, Cameras(matrices, intrinsics, 16, 16)))


def test_scenes_have_different_cameras(tmp_path) -> None:
    make_cars(tmp_path, CarsConfig(count=2, train=1, **SMALL))
    poses = [json.loads((tmp_path / name / "transforms.json").read_text()) for name in ("car_00000", "car_00001")]
    assert poses[0]["frames"][0]["transform_matrix"] != poses[1]["frames"][0]["transform_matrix"]


def test_a_stopped_run_continues_to_the_same_dataset(tmp_path) -> None:
    config = CarsConfig(count=4, train=2, **SMALL)

    def stop(name: str) -> None:
        if name == "car_00001":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_cars(tmp_path / "stopped", config, stop)
    kept = tmp_path / "stopped" / "car_00000" / "transforms.json"
    written = kept.stat().st_mtime_ns
    with pytest.raises(InputError, match="made with seed = 0, not 1"):
        make_cars(tmp_path / "stopped", CarsConfig(count=4, train=2, seed=1, **SMALL))
    make_cars(tmp_path / "stopped", config)
    make_cars(tmp_path / "straight", config)
    assert kept.stat().st_mtime_ns == written
    assert _files(tmp_path / "stopped") == _files(tmp_path / "straight")


def test_a_dataset_grows(tmp_path) -> None:
    make_cars(tmp_path / "grown", CarsConfig(count=2, train=1, **SMALL))
    make_cars(tmp_path / "grown", CarsConfig(count=4, train=3, **SMALL))
    make_cars(tmp_path / "straight", CarsConfig(count=4, train=3, **SMALL))
    assert _files(tmp_path / "grown") == _files(tmp_path / "straight")


def test_other_options_do_not_mix_into_a_finished_dataset(tmp_path) -> None:
    make_cars(tmp_path, CarsConfig(count=1, train=1, **SMALL))
    with pytest.raises(InputError, match="views = 3, not 4"):
        make_cars(tmp_path, CarsConfig(count=2, train=1, views=4, resolution=16))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 0, "train": 0}, "count is 0"),
        ({"count": 10, "train": 11}, "train is 11, expected at most 10, the count"),
        ({"train": -1}, "train is -1"),
        ({"views": 1}, "views is 1"),
        ({"resolution": 15}, "resolution is 15"),
        ({"resolution": 1025}, "resolution is 1025"),
        ({"seed": -1}, "seed is -1"),
        ({"samples_per_axis": 0}, "samples_per_axis is 0"),
    ],
)
def test_values_that_make_no_dataset_are_refused(options, message) -> None:
    with pytest.raises(InputError, match=message):
        CarsConfig(**options)


def test_drawing_leaves_torch_its_number_of_threads() -> None:
    """In a process of its own: numba starts its threads once per process."""
    program = (
        "import torch; from triptych.geometry import hemisphere_cameras; from triptych.data.generators.cars import "
        "render_car; render_car(0, 0, hemisphere_cameras(1, 16, seed=0)); assert torch.get_num_threads() == 1"
    )
    one = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "2"}
    ended = subprocess.run([sys.executable, "-c", program], env=one, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
