"""A scene beside the pictures it was fitted to."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.data import Dataset
from triptych.metrics import psnr
from triptych.pictures import as_pixels
from triptych.scene import Scene

ERROR_GAIN = 4
"""Absolute errors are shown so many times larger."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A scene at a camera whose picture is known.

    Attributes:
        name: of the scene that was rendered.
        picture: truth, rendering and absolute error times four, from left to right.
        psnr: of the rendering, in dB.
    """

    name: str
    picture: UInt8[np.ndarray, "height width 3"]
    psnr: float


def compare(dataset: Dataset, name: str, view: int, scene: Scene) -> Compared:
    """Render a scene at one of the dataset's cameras, beside the picture taken there.

    Args:
        dataset: pictures of the model's size.
        name: the scene's name in the dataset.
        view: number of the camera, from 0.
        scene: what to render.
    """
    number = dataset.names.index(name)
    truth = true_picture(dataset, number, view)
    found = scene.render(dataset.cameras(number)[[view]]).images.cpu().clamp(0, 1)
    error = ((found - truth).abs() * ERROR_GAIN).clamp(0, 1)
    picture = as_pixels(torch.cat([truth, found, error], dim=3))[0]
    return Compared(scene.name, picture, psnr(found, truth)[0])


def true_picture(dataset: Dataset, number: int, view: int) -> Float[Tensor, "1 3 height width"]:
    """The picture that a camera of the dataset took, in [0, 1]."""
    return torch.from_numpy(dataset.images(number, [view])).permute(0, 3, 1, 2).float() / 255
