"""From the browser's camera to a camera of the model, and back.

Both sides use OpenCV axes (x right, y down, z forward) in a world whose z is up; viser turns with quaternions (w, x, y,
z) and opens its view by a vertical angle. A browser window may have any shape, and pictures are drawn in it: the
model's own picture would fit into their middle. Their focal length is that of the window. So everything that viser
draws itself (frustums, pictures) lies where the render says it is.
"""

import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image

from triptych.data.backgrounds import WHITE, Color
from triptych.geometry import Cameras

_LONGEST = 2.0
"""Pictures grow to at most so many times their own length to fill a window."""


@dataclass(frozen=True)
class BrowserView:
    """What a browser window shows of the world.

    Attributes:
        position: of the camera, in world units.
        wxyz: its turn from OpenCV axes to the world, a unit quaternion.
        fov: vertical opening of the window in radians.
        aspect: width of the window over its height.
    """

    position: tuple[float, float, float]
    wxyz: tuple[float, float, float, float]
    fov: float
    aspect: float


def camera_of(view: BrowserView, height: int, width: int) -> Cameras:
    """The one camera whose picture of ``height`` x ``width`` pixels fills as much of the window as its shape allows."""
    share_of_height = min(1.0, view.aspect / (width / height))
    focal = height / 2 / (math.tan(view.fov / 2) * share_of_height)
    c2w = torch.cat([_rotation(view.wxyz), torch.tensor(view.position)[:, None]], dim=1)
    return Cameras(c2w[None].float(), torch.tensor([[focal, focal, width / 2, height / 2]]), height, width)


def size_for(view: BrowserView, height: int, width: int) -> tuple[int, int]:
    """Height and width of a picture that has the window's shape, whose pixels are as large as those of a picture of
    ``height`` x ``width`` pixels that fills as much of the window as its shape allows.

    Very long windows get a picture that does not reach their ends.
    """
    if view.aspect >= width / height:
        return height, round(min(height * view.aspect, _LONGEST * width))
    return round(min(width / view.aspect, _LONGEST * height)), width


def view_of(camera: Cameras, aspect: float) -> BrowserView:
    """How a window of the shape ``aspect`` must look at the world for its picture to be that of ``camera``.

    The other way round from ``camera_of``, where the camera has square pixels and looks along the middle of its
    picture; else as near as a browser's camera comes.
    """
    assert len(camera) == 1
    share_of_height = min(1.0, aspect / (camera.width / camera.height))
    fov = 2 * math.atan(camera.height / 2 / float(camera.intrinsics[0, 1]) / share_of_height)
    x, y, z = camera.c2w[0, :, 3].tolist()
    return BrowserView((x, y, z), quaternion(camera.c2w[0, :, :3].cpu()), fov, aspect)


def quaternion(rotation: Float[torch.Tensor, "3 3"]) -> tuple[float, float, float, float]:
    """The unit quaternion (w, x, y, z) of a rotation, with w of at least 0 (Bar-Itzhack 2000)."""
    m = rotation.double().numpy()
    symmetric = np.array(
        [
            [m[0, 0] + m[1, 1] + m[2, 2], 0, 0, 0],
            [m[2, 1] - m[1, 2], m[0, 0] - m[1, 1] - m[2, 2], 0, 0],
            [m[0, 2] - m[2, 0], m[0, 1] + m[1, 0], m[1, 1] - m[0, 0] - m[2, 2], 0],
            [m[1, 0] - m[0, 1], m[0, 2] + m[2, 0], m[1, 2] + m[2, 1], m[2, 2] - m[0, 0] - m[1, 1]],
        ]
    )
    w, x, y, z = np.linalg.eigh(symmetric)[1][:, -1].tolist()  # eigh reads the lower triangle alone
    sign = math.copysign(1.0, w)
    return sign * w, sign * x, sign * y, sign * z


def _rotation(wxyz: tuple[float, float, float, float]) -> Float[torch.Tensor, "3 3"]:
    w, x, y, z = np.asarray(wxyz, dtype=np.float64) / np.linalg.norm(wxyz)
    return torch.tensor(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ],
        dtype=torch.float32,
    )


def fill_window(
    pixels: UInt8[np.ndarray, "height width 3"], aspect: float, rows: int, *, smooth: bool, around: Color = WHITE
) -> UInt8[np.ndarray, "rows columns 3"]:
    """A picture in the middle of one that has the window's shape.

    Args:
        pixels: the picture, of any size and of the shape that ``camera_of`` was asked for.
        aspect: width of the window over its height.
        rows: height or width of the enlarged picture, whichever touches the window's edges.
        smooth: interpolate between pixels; else they stay visible as squares.
        around: color of what the picture leaves of the window.
    """
    shape = pixels.shape[1] / pixels.shape[0]
    size = (round(rows * shape), rows) if aspect >= shape else (rows, round(rows / shape))
    resampling = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    enlarged = np.asarray(Image.fromarray(pixels).resize(size, resampling))
    height, width = enlarged.shape[:2]
    window = (height, round(height * aspect)) if aspect >= shape else (round(width / aspect), width)
    filled = np.full((*window, 3), around, dtype=np.uint8)
    top, left = (window[0] - height) // 2, (window[1] - width) // 2
    filled[top : top + height, left : left + width] = enlarged
    return filled
