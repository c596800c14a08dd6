"""A scene beside the pictures it was fitted to."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import UInt8

from triptych.bank import Scene, compare_views
from triptych.pictures import as_pixels
from triptych.viewer.known_pictures import PicturedScene

ERROR_GAIN = 4
"""Absolute errors are shown so many times larger."""


@dataclass(frozen=True, eq=False)
class ComparisonPicture:
    """A scene at a camera whose picture is known.

    Attributes:
        name: of the scene that was rendered.
        picture: target, rendering and absolute error times four, from left to right.
        psnr: of the rendering, in dB.
    """

    name: str
    picture: UInt8[np.ndarray, "height width 3"]
    psnr: float


def compare(pictured: PicturedScene, view: int, scene: Scene) -> ComparisonPicture:
    """Render a scene at one of the dataset's cameras, beside the picture taken there.

    Args:
        pictured: the pictures of the scene.
        view: number of the camera, from 0.
        scene: what to render.
    """
    views = compare_views(scene, pictured.dataset, pictured.number, [view])
    target, rendered = views.target, views.rendered.images.clamp(0, 1)
    error = ((rendered - target).abs() * ERROR_GAIN).clamp(0, 1)
    picture = as_pixels(torch.cat([target, rendered, error], dim=3))[0]
    return ComparisonPicture(scene.name, picture, views.psnr()[0])
