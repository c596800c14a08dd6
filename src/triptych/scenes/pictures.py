"""Reading one picture: over white, without lens distortion, box-downscaled, in that order."""

import struct
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from triptych.errors import InputError
from triptych.scenes.distortion import Distortion, undistort

SUFFIXES = (".png", ".jpg", ".jpeg")
"""Pictures are looked for with these endings, in this order."""

_EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}
_DECODING_ERRORS = (
    OSError,
    SyntaxError,  # what Pillow raises for a broken PNG chunk
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def picture_size(file: Path) -> tuple[int, int]:
    """Height and width of a picture, from its header alone.

    Raises:
        InputError: the file is missing or is not an 8-bit picture.
    """
    try:
        with Image.open(file) as picture:
            mode, (width, height) = picture.mode, picture.size
    except FileNotFoundError:
        raise InputError(f"{file}: this picture is missing; restore it or remove its view") from None
    except _DECODING_ERRORS:
        raise InputError(f"{file}: expected a picture (PNG or JPEG); this file is not one") from None
    if mode not in _EIGHT_BIT_MODES:
        raise InputError(f"{file}: expected 8 bits a channel, found a picture of mode {mode}; convert it")
    return height, width


def read_picture(
    file: Path, *, intrinsics: Float[np.ndarray, "4"], distortion: Distortion | None = None, factor: int = 1
) -> UInt8[np.ndarray, "height width 3"]:
    """Decode one picture over white, as a pinhole camera would have taken it.

    Args:
        file: a picture that ``picture_size`` has accepted.
        intrinsics: fx, fy, cx, cy in pixels of the file.
        distortion: the lens to undo.
        factor: side of the squares of pixels that are averaged into one.

    Raises:
        InputError: the picture cannot be decoded to its end.
    """
    try:
        with Image.open(file) as picture:
            has_alpha = picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info
            pixels = np.asarray(picture.convert("RGBA" if has_alpha else "RGB"))
    except _DECODING_ERRORS as error:
        raise InputError(f"{file}: this picture is truncated or damaged ({error}); restore it") from None
    if not has_alpha and not distortion and factor == 1:
        return pixels
    result = over_white(pixels) if has_alpha else pixels.astype(np.float32)
    if distortion:
        result = undistort(result, intrinsics, distortion)
    if factor > 1:
        height, width = result.shape[0] // factor, result.shape[1] // factor
        result = result.reshape(height, factor, width, factor, 3).mean(axis=(1, 3))
    return (result + 0.5).astype(np.uint8)


def over_white(rgba: UInt8[np.ndarray, "*batch 4"]) -> Float[np.ndarray, "*batch 3"]:
    """Colours in [0, 255] of pixels with straight alpha, composited over white; not rounded."""
    colours, alpha = rgba[..., :3].astype(np.float32), rgba[..., 3:].astype(np.float32)
    return 255 + (colours - 255) * (alpha / 255)


def shrink_factor(height: int, width: int, resolution: int | None, where: str) -> int:
    """By how much to divide pictures so that they become ``resolution`` pixels wide.

    Raises:
        InputError: the factor is not an integer that divides both sides.
    """
    if resolution is None:
        return 1
    if resolution < 1 or width % resolution or height % (width // resolution):
        raise InputError(
            f"{where}: pictures of {width}x{height} cannot be box-downscaled to a width of {resolution}; "
            "expected a resolution that divides both sides by the same integer"
        )
    return width // resolution
