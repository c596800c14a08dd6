"""Each format's camera convention, against a picture with a dot where a known 3D point must fall."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from posed_scenes import FOCAL, OPENGL_C2W, PIXEL, POINT, SIDE, picture_with_dot, write_srn, write_transforms

from triptych.data import Dataset, DatasetConfig, open_dataset


def blender(folder: Path) -> None:
    angle = 2 * math.atan(SIDE / 2 / FOCAL)
    picture = picture_with_dot(channels=4)
    write_transforms(
        folder, {"camera_angle_x": angle}, "transforms_train.json", picture, directory="./train", ending=""
    )


def nerfstudio(folder: Path) -> None:
    header = {"fl_x": FOCAL, "fl_y": FOCAL, "cx": 16.0, "cy": 16.0, "w": SIDE, "h": SIDE}
    write_transforms(folder, header | {"camera_model": "OPENCV", "k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0})


def instant_ngp(folder: Path) -> None:
    angle = 2 * math.atan(SIDE / 2 / FOCAL)
    lens = {
        "camera_angle_x": angle,
        "camera_angle_y": angle,
        "cx": 16.0,
        "cy": 16.0,
        "k3": 0,
        "is_fisheye": False,
    }
    write_transforms(folder, lens | {"w": float(SIDE), "h": float(SIDE), "aabb_scale": 16, "scale": 0.33})


def intrinsics_in_frames(folder: Path) -> None:
    frame = {"file_path": "images/r_0.png", "transform_matrix": OPENGL_C2W, "fl_x": FOCAL, "cx": 16, "cy": 16}
    other = frame | {"file_path": "images/r_1.png", "fl_x": 2 * FOCAL, "fl_y": 3 * FOCAL, "cx": 15}
    write_transforms(folder, {"frames": [frame, other]})


@pytest.mark.parametrize("write", [write_srn, blender, nerfstudio, instant_ngp, intrinsics_in_frames])
def test_known_point_falls_on_the_dot(tmp_path: Path, write: Callable[[Path], object]) -> None:
    write(tmp_path / "scene")
    dataset = open_dataset(DatasetConfig(tmp_path / "scene", test_views=1, cache=tmp_path / "cache"))
    camera = dataset.cameras(0)[[0]]
    seen = camera.project(torch.tensor([POINT]))
    pixel, depth = seen.points, seen.depth
    assert pixel[0, 0].tolist() == pytest.approx(PIXEL, abs=1e-4)
    assert depth.item() == pytest.approx(2.0, abs=1e-5)

    column, row = math.floor(pixel[0, 0, 0]), math.floor(pixel[0, 0, 1])
    picture = dataset.images(0, [0])[0]
    assert picture[row, column].tolist() == [255, 0, 0]
    assert (picture[..., 1] == 0).sum() == 1

    rays = camera.rays()[0, row * SIDE + column]
    along = (torch.tensor(POINT) - rays.origins) @ rays.directions
    assert torch.allclose(rays.origins + along * rays.directions, torch.tensor(POINT), atol=1e-5)


def test_intrinsics_of_each_frame_are_its_own(tmp_path: Path) -> None:
    intrinsics_in_frames(tmp_path / "scene")
    dataset = open_dataset(DatasetConfig(tmp_path / "scene", test_views=1, cache=tmp_path / "cache"))
    assert dataset.cameras(0).intrinsics.tolist() == [[32, 32, 16, 16], [64, 96, 15, 16]]


def _looks_at_origin(c2w: torch.Tensor) -> torch.Tensor:
    eyes = c2w[:, :, 3]
    return -(eyes * c2w[:, :, 2]).sum(-1) / eyes.norm(dim=-1)


@pytest.mark.parametrize("category", ["cars", "chairs"])
def test_real_srn_camera_paths_look_at_the_origin(shared_data: Path, tmp_path: Path, category: str) -> None:
    """The shared camera paths have no pictures: blank ones stand in."""
    path = shared_data / "srn_camera_paths" / "demo" / f"camera_spiral_{category}"
    write_srn(tmp_path / "scene", views=1, picture=np.zeros((128, 128, 3), np.uint8))
    blank = (tmp_path / "scene" / "rgb" / "000000.png").read_bytes()
    (tmp_path / "scene" / "intrinsics.txt").write_bytes((path / "intrinsics.txt").read_bytes())
    for pose in sorted((path / "pose").iterdir())[::16]:
        (tmp_path / "scene" / "pose" / pose.name).write_bytes(pose.read_bytes())
        (tmp_path / "scene" / "rgb" / pose.with_suffix(".png").name).write_bytes(blank)
    cameras = open_dataset(DatasetConfig(tmp_path / "scene", cache=tmp_path / "cache")).cameras(0)
    assert len(cameras) > 10
    assert (_looks_at_origin(cameras.c2w) > 0.999).all()
    assert (cameras.c2w[:, 2, 1] <= 1e-6).all(), "the pictures' down must not point up in the world"
    assert cameras.intrinsics[0].tolist() == [131.25, 131.25, 64, 64]


def test_real_srn_scene(shared_data: Path, tmp_path: Path) -> None:
    """Its stray pose/transforms.json is no scene of its own, nor a pose."""
    dataset = open_dataset(DatasetConfig(shared_data / "srn_layout_object", cache=tmp_path))
    cameras = dataset.cameras(0)
    assert (len(cameras), dataset.height, dataset.width) == (100, 128, 128)
    assert (_looks_at_origin(cameras.c2w) > 0.999).all()
    assert torch.equal(dataset.aabb, torch.tensor([[-0.55] * 3, [0.55] * 3]))


def _chair(shared_data: Path, cache: Path) -> Dataset:
    return open_dataset(DatasetConfig(shared_data / "nerf_synthetic_chair_200", cache=cache, resolution=50))


def test_real_blender_scene_has_its_own_split(shared_data: Path, tmp_path: Path) -> None:
    dataset = _chair(shared_data, tmp_path)
    split = dataset.views(0)
    assert (len(split.train), len(split.test)) == (100, 50)
    assert not set(split.train) & set(split.test)
    assert dataset.aabb.tolist() == [[-1.5] * 3, [1.5] * 3]


def test_real_blender_silhouettes_meet_in_one_visual_hull(shared_data: Path, tmp_path: Path) -> None:
    """Points inside all silhouettes fill every silhouette again, which any wrong axis would prevent."""
    dataset = _chair(shared_data, tmp_path)
    views = list(range(0, 150, 10))
    cameras, masks = dataset.cameras(0)[views], dataset.images(0, views).min(axis=-1) < 250
    axis = torch.linspace(-1.2, 1.2, 80)
    points = torch.cartesian_prod(axis, axis, axis)
    pixels = cameras.project(points).points
    columns, rows = pixels.long().clamp(0, 49).unbind(-1)
    hull = torch.from_numpy(masks)[torch.arange(len(views))[:, None], rows, columns].all(dim=0)
    for view, mask in enumerate(masks):
        drawn = np.zeros_like(mask)
        drawn[rows[view][hull], columns[view][hull]] = True
        assert (drawn & mask).sum() / mask.sum() > 0.9
