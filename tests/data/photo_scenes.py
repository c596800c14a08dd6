"""Photographs of a small toy, drawn from what it is: a long body, a cabin on its rear half, and a red lamp in front."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from layout_scenes import quaternion
from PIL import Image
from posed_scenes import save

from triptych.data.formats.writer import write_transforms
from triptych.geometry import Cameras, intersect_aabb, look_at
from triptych.geometry.rays import Rays
from triptych.geometry.similarity import Similarity

BODY = [[-0.5, -0.2, -0.2], [0.5, 0.2, 0.05]]
CABIN = [[-0.45, -0.18, 0.05], [0.05, 0.18, 0.2]]
LAMP = [[0.4, -0.06, 0.05], [0.5, 0.06, 0.14]]
COLORS = ((90, 120, 160), (150, 140, 60), (230, 30, 30))
LAMP_CENTER = (0.45, 0.0, 0.095)
SIZE = 96
FOCAL = 110.0


def toy_cameras(views: int = 12, size: int = SIZE, seed: int = 0) -> Cameras:
    """Cameras from all around and of several heights, at slightly different distances."""
    draw = np.random.default_rng(seed)
    azimuth = 2 * np.pi * (np.arange(views) + draw.uniform()) / views
    elevation, distance = np.radians(draw.uniform(0, 60, views)), draw.uniform(1.5, 1.8, views)
    across = np.cos(elevation)
    eyes = np.stack([across * np.cos(azimuth), across * np.sin(azimuth), np.sin(elevation)], axis=1) * distance[:, None]
    intrinsics = torch.tensor([[FOCAL * size / SIZE, FOCAL * size / SIZE, size / 2, size / 2]]).double()
    return Cameras(look_at(torch.from_numpy(eyes)), intrinsics.expand(views, 4).clone(), size, size)


def draw_toy(cameras: Cameras, rays: torch.Tensor | None = None) -> np.ndarray:
    """The toy as cameras see it, straight alpha; or along other directions in the world, one for each pixel."""
    pinhole = cameras.rays()
    directions = pinhole.directions if rays is None else rays
    nearest = torch.full(directions.shape[:-1], torch.inf, dtype=torch.float64)
    rgba = np.zeros((*directions.shape[:-1], 4), dtype=np.uint8)
    for box, color in zip((BODY, CABIN, LAMP), COLORS, strict=True):
        near, far = intersect_aabb(Rays(pinhole.origins, directions), torch.tensor(box).double())
        hit = (far > near) & (near < nearest)
        nearest = torch.where(hit, near, nearest)
        rgba[hit.numpy()] = (*color, 255)
    return rgba.reshape(len(cameras), cameras.height, cameras.width, 4)


def gauge(seed: int) -> Similarity:
    """Another world frame."""
    draw = np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    shift = torch.from_numpy(draw.normal(size=3) * 3)
    return Similarity(float(np.exp(draw.uniform(-1, 1))), torch.from_numpy(rotation), shift)


def write_photos(folder: Path, cameras: Cameras, rgba: np.ndarray, world: Similarity) -> Path:
    """Pictures with a transforms.json in a world frame of their own."""
    names = [f"images/{view:03d}.png" for view in range(len(rgba))]
    for name, picture in zip(names, rgba, strict=True):
        save(folder / name, picture)
    write_transforms(folder, names, world.cameras(cameras))
    return folder


def write_toy(folder: Path, seed: int = 1, views: int = 12) -> Path:
    """The toy's photographs, cut out by alpha."""
    cameras = toy_cameras(views, seed=seed)
    return write_photos(folder, cameras, draw_toy(cameras), gauge(seed))


def write_fisheye_toy(folder: Path, seed: int = 2, k1: float = 0.05) -> Path:
    """The toy before white, through a fisheye, with what COLMAP writes as text, and masks."""
    cameras, world = toy_cameras(seed=seed), gauge(seed)
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    bent = np.stack([columns - SIZE / 2, rows - SIZE / 2], axis=-1) / FOCAL
    radius = np.linalg.norm(bent, axis=-1)
    angle = radius.copy()
    for _ in range(20):  # angle + k1 angle³ = radius
        angle = radius / (1 + k1 * angle**2)
    scale = np.sin(angle) / radius
    rays = torch.from_numpy(np.concatenate([bent * scale[..., None], np.cos(angle)[..., None]], axis=-1).reshape(-1, 3))
    rgba = draw_toy(cameras, torch.einsum("vij,rj->vri", cameras.c2w[:, :, :3], rays))
    carried, lines = world.cameras(cameras), []
    for view, picture in enumerate(rgba):
        save(folder / "images" / f"{view}.png", np.where(picture[..., 3:] > 0, picture[..., :3], 255).astype(np.uint8))
        save(folder / "masks" / f"{view}.png", picture[..., 3])
        rotation = carried.c2w[view, :, :3].numpy().T
        shift = -rotation @ carried.c2w[view, :, 3].numpy()
        lines.append(f"{view + 1} {' '.join(map(str, [*quaternion(rotation), *shift]))} 1 {view}.png\n\n")
    sparse = folder / "sparse" / "0"
    sparse.mkdir(parents=True)
    lens = f"{FOCAL} {FOCAL} {SIZE / 2} {SIZE / 2} {k1} 0 0 0"
    (sparse / "cameras.txt").write_text(f"1 OPENCV_FISHEYE {SIZE} {SIZE} {lens}\n")
    (sparse / "images.txt").write_text("".join(lines))
    return folder


def before(rgba: np.ndarray, behind: Any) -> np.ndarray:
    """The toy before a color or a picture, without alpha."""
    return np.where(rgba[..., 3:] > 0, rgba[..., :3], np.asarray(behind, dtype=np.uint8)).astype(np.uint8)


def read_cameras_of(folder: Path) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Camera-to-world matrices with OpenCV axes, intrinsics and pictures of an imported object, read by hand."""
    content = json.loads((folder / "transforms.json").read_text())
    c2w = np.array([frame["transform_matrix"] for frame in content["frames"]]) @ np.diag([1.0, -1, -1, 1])
    intrinsics = np.array(
        [[(content | frame)[key] for key in ("fl_x", "fl_y", "cx", "cy")] for frame in content["frames"]]
    )
    return c2w, intrinsics, [np.asarray(Image.open(folder / frame["file_path"])) for frame in content["frames"]]


def carried_by(start: np.ndarray, end: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale, rotation and shift that carry points onto others best (Umeyama 1991)."""
    a, b = start - start.mean(axis=0), end - end.mean(axis=0)
    u, _, vt = np.linalg.svd(b.T @ a)
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    scale = float((b * (a @ rotation.T)).sum() / (a**2).sum())
    return scale, rotation, end.mean(axis=0) - scale * rotation @ start.mean(axis=0)


def turn_of(rotation: np.ndarray) -> float:
    """Degrees about z of a rotation that turns about z alone."""
    return math.degrees(math.atan2(rotation[1, 0], rotation[0, 0]))
