"""A scene beside the pictures it was fitted to."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from triptych.scene import Scene
from triptych.scenes import SceneCollection
from triptych.training.losses import psnr
from triptych.training.pictures import as_pixels

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


def compare(collection: SceneCollection, name: str, view: int, scene: Scene) -> Compared:
    """Render a scene at one of the dataset's cameras, beside the picture taken there.

    Args:
        collection: pictures of the model's size.
        name: the scene's name in the dataset.
        view: number of the camera, from 0.
        scene: what to render.
    """
    number = collection.names.index(name)
    truth = true_picture(collection, number, view)
    found = scene.render(collection.cameras(number)[[view]]).images.cpu().clamp(0, 1)
    error = ((found - truth).abs() * ERROR_GAIN).clamp(0, 1)
    picture = as_pixels(torch.cat([truth, found, error], dim=3))[0]
    return Compared(scene.name, picture, psnr(found, truth)[0])


def true_picture(collection: SceneCollection, number: int, view: int) -> Float[Tensor, "1 3 height width"]:
    """The picture that a camera of the dataset took, in [0, 1]."""
    return torch.from_numpy(collection.images(number, [view])).permute(0, 3, 1, 2).float() / 255
