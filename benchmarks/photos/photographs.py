"""Photographs with known truth: renderings over busy backgrounds, with errors of poses, masks and exposure."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageFilter

from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.formats.transforms import parse_transforms
from triptych.data.formats.writer import write_transforms
from triptych.data.pictures import over_color, read_rgba
from triptych.data.validation import Problems
from triptych.geometry import Cameras
from triptych.geometry.similarity import Similarity


@dataclass(frozen=True)
class Errors:
    """What is wrong with photographs.

    Attributes:
        poses: degrees by which cameras are turned, and moved as seen from the object (root mean square).
        gains: the range around 1, as a factor, in which exposure lies.
        masks: by how many pixels masks are too small (negative) or too large; None leaves alpha out of it: each picture
            is off by -2 to 2 pixels.
    """

    poses: float = 0.0
    gains: float = 1.0
    masks: int | None = 0


def truth_of(root: Path, name: str) -> ParsedScene:
    """A rendered scene."""
    return parse_transforms(name, root / name, Problems(), LinkPolicy(root.resolve()))


def photograph(scene: ParsedScene, folder: Path, errors: Errors, seed: int) -> None:
    """Write an object's photographs with their cameras, in a world of their own, and masks."""
    draw = np.random.default_rng(seed)
    gauge = _gauge(draw)
    gains = np.exp(draw.uniform(-1, 1, len(scene.files)) * math.log(errors.gains))
    (folder / "images").mkdir(parents=True)
    (folder / "masks").mkdir()
    for view, file in enumerate(scene.files):
        rgba = read_rgba(Path(file))
        behind = _busy(draw, rgba.shape[:2])
        alpha = rgba[..., 3:] / 255
        picture = (rgba[..., :3] * alpha + behind * (1 - alpha)) * gains[view]
        Image.fromarray(picture.clip(0, 255).round().astype(np.uint8)).save(folder / "images" / f"{view:03d}.png")
        grown = int(draw.integers(-2, 3)) if errors.masks is None else errors.masks
        _grow(Image.fromarray(rgba[..., 3]), grown).save(folder / "masks" / f"{view:03d}.png")
    c2w = _noisy(torch.from_numpy(scene.c2w), errors.poses, draw)
    height, width = scene.sizes[0]
    cameras = gauge.cameras(Cameras(c2w, torch.from_numpy(scene.intrinsics), height, width))
    write_transforms(folder, [f"images/{view:03d}.png" for view in range(len(c2w))], cameras)


def _gauge(draw: np.random.Generator) -> Similarity:
    rotation, _ = np.linalg.qr(draw.normal(size=(3, 3)))
    rotation *= np.sign(np.linalg.det(rotation))
    shift = torch.from_numpy(draw.normal(size=3) * 5)
    return Similarity(float(np.exp(draw.uniform(-2, 2))), torch.from_numpy(rotation), shift)


def _noisy(c2w: torch.Tensor, degrees: float, draw: np.random.Generator) -> torch.Tensor:
    angle = math.radians(degrees) / math.sqrt(3)
    turned = torch.linalg.matrix_exp(_cross(draw.normal(size=(len(c2w), 3)) * angle)) @ c2w[:, :, :3]
    moved = torch.linalg.matrix_exp(_cross(draw.normal(size=(len(c2w), 3)) * angle)) @ c2w[:, :, 3:]
    return torch.cat([turned, moved], dim=2)


def _cross(vectors: np.ndarray) -> torch.Tensor:
    x, y, z = torch.from_numpy(vectors).T
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).reshape(-1, 3, 3)


def _busy(draw: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """Blots of all sizes and colors."""
    layers = []
    for cells in (3, 9, 27, 81):
        noise = Image.fromarray(draw.integers(0, 256, (cells, cells, 3), dtype=np.uint8))
        layers.append(np.asarray(noise.resize((size[1], size[0]), Image.Resampling.BICUBIC), dtype=np.float64))
    return np.mean(layers, axis=0)


def _grow(mask: Image.Image, pixels: int) -> Image.Image:
    if pixels == 0:
        return mask
    kind = ImageFilter.MaxFilter if pixels > 0 else ImageFilter.MinFilter
    return mask.filter(kind(2 * abs(pixels) + 1))


def mask_iou(scene: ParsedScene, folder: Path) -> float:
    """Mean intersection over union of an object's masks with the true ones."""
    shares = []
    for view, file in enumerate(scene.files):
        true = read_rgba(Path(file))[..., 3] >= 128
        given = np.asarray(Image.open(folder / "masks" / f"{view:03d}.png")) >= 128
        shares.append((true & given).sum() / (true | given).sum())
    return float(np.mean(shares))


def over_white(rgba: np.ndarray) -> np.ndarray:
    """In [0, 1]."""
    return over_color(rgba, (255, 255, 255)) / 255
