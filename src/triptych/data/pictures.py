"""Reading one picture: over a color, without lens distortion, box-downscaled, in that order."""

import os
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, UInt8
from PIL import Image

from triptych.data.backgrounds import WHITE, Color
from triptych.data.formats.distortion import Lens, undistort
from triptych.errors import InputError
from triptych.files import is_file

SUFFIXES = (".png", ".jpg", ".jpeg")
"""Pictures are looked for with these endings, in this order."""

MAX_PIXELS = 64_000_000
"""The largest picture that is read; a small file can declare one that fills the memory."""

_FORMATS = ("PNG", "JPEG")
"""Other formats are refused whatever a file is called: some of their decoders start programs."""
_PROMISED = "PNG or JPEG"
_OBJECT = 250
"""The least maximum of a mask that is not black; one of zeros and ones would make everything white."""
_ORIENTATION = 0x0112
_EIGHT_BIT_MODES = {"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"}


@dataclass(frozen=True)
class PictureHeader:
    """What the header of a picture says.

    Attributes:
        size: height and width in pixels, as the pixels are stored.
        is_turned: whether its EXIF orientation asks viewers to turn or mirror it. Its pixels are taken as they are
            stored, as COLMAP and nerfstudio take them.
        has_alpha: whether it says how transparent its pixels are.
    """

    size: tuple[int, int]
    is_turned: bool = False
    has_alpha: bool = False


def read_header(file: Path) -> PictureHeader:
    """Read the header of a picture, without decoding it.

    Raises:
        InputError: the file is missing, is no 8-bit picture, or holds more pixels than are read.
    """
    if not is_file(file):  # opening a pipe would wait forever
        if not os.path.lexists(file):
            raise InputError(f"{file}: this picture is missing; restore it or remove its view")
        raise InputError(f"{file}: expected a picture ({_PROMISED}); this is no file, or a link to none")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(file, formats=_FORMATS) as picture:
                mode, (width, height), has_alpha = picture.mode, picture.size, _has_alpha(picture)
                orientation = picture.getexif().get(_ORIENTATION, 1) if "exif" in picture.info else 1
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise InputError(f"{file}: expected at most {MAX_PIXELS} pixels, found more; make it smaller") from None
    except Exception as error:  # Pillow's parsers raise anything, failed assertions included
        if isinstance(error, OSError) and error.errno:
            raise InputError(f"{file}: this picture cannot be read ({error.strerror})") from None
        raise InputError(f"{file}: expected a picture ({_PROMISED}); this file is not one") from None
    if width * height > MAX_PIXELS:
        raise InputError(f"{file}: expected at most {MAX_PIXELS} pixels, found {width}x{height}; make it smaller")
    if mode not in _EIGHT_BIT_MODES:
        raise InputError(f"{file}: expected 8 bits per channel, found a picture of mode {mode}; convert it")
    return PictureHeader((height, width), orientation in range(2, 9), has_alpha)


def read_picture(
    file: Path,
    *,
    intrinsics: Float[np.ndarray, "4"],
    distortion: Lens | None = None,
    factor: int = 1,
    mask: Path | None = None,
    background: Color = WHITE,
    keep_alpha: bool = False,
) -> UInt8[np.ndarray, "height width channel"]:
    """Decode one picture over a color, as a pinhole camera would have taken it.

    Args:
        file: a picture that ``read_header`` has accepted.
        intrinsics: fx, fy, cx, cy in pixels of the file.
        distortion: the lens to undo.
        factor: side of the squares of pixels that are averaged into one.
        mask: a picture of the same size, white where the object is; it multiplies alpha.
        background: what a picture with alpha is laid over.
        keep_alpha: whether its alpha follows as a fourth channel, opaque where it has none.

    Raises:
        InputError: the picture or its mask cannot be decoded to its end, or the mask cannot be one.
    """
    pixels = _decode(file)
    if mask is not None:
        pixels = _with_mask(pixels, mask)
    has_alpha = pixels.shape[2] == 4
    if not has_alpha and not distortion and factor == 1:
        return with_alpha(pixels) if keep_alpha else pixels
    result = over_color(pixels, background) if has_alpha else pixels.astype(np.float32)
    if keep_alpha:
        result = np.concatenate([result, with_alpha(pixels)[..., 3:].astype(np.float32)], axis=-1)
    if distortion:
        result = undistort(result, intrinsics, distortion)
    if factor > 1:
        height, width = result.shape[0] // factor, result.shape[1] // factor
        result = result.reshape(height, factor, width, factor, -1).mean(axis=(1, 3))
    return (result + 0.5).astype(np.uint8)


def read_rgba(file: Path, mask: Path | None = None) -> UInt8[np.ndarray, "height width 4"]:
    """Decode one picture as it is stored, with straight alpha; opaque where nothing says how transparent it is.

    Raises:
        InputError: see ``read_picture``.
    """
    pixels = _decode(file)
    if mask is not None:
        return _with_mask(pixels, mask)
    return with_alpha(pixels)


def with_alpha(pixels: UInt8[np.ndarray, "*batch channel"]) -> UInt8[np.ndarray, "*batch 4"]:
    """The same where there are four channels; else opaque pixels of these colors."""
    if pixels.shape[-1] == 4:
        return pixels
    return np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=-1)


def _has_alpha(picture: Image.Image) -> bool:
    return picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info


def _decode(file: Path) -> UInt8[np.ndarray, "height width channel"]:
    """RGBA where the picture has alpha, else RGB."""
    try:
        with Image.open(file, formats=_FORMATS) as picture:
            return np.asarray(picture.convert("RGBA" if _has_alpha(picture) else "RGB"))
    except Exception as error:  # see read_header
        raise InputError(f"{file}: this picture is truncated or damaged ({error}); restore it") from None


def _with_mask(pixels: UInt8[np.ndarray, "height width channel"], mask: Path) -> UInt8[np.ndarray, "height width 4"]:
    decoded = _decode(mask)
    visible = decoded[..., :3].max(axis=-1)
    if decoded.shape[2] == 4:
        visible = _product(visible, decoded[..., 3])
    if 0 < visible.max() < _OBJECT:
        raise InputError(f"{mask}: expected white (255) where the object is, found at most {visible.max()}")
    alpha = _product(visible, pixels[..., 3]) if pixels.shape[2] == 4 else visible
    return np.concatenate([pixels[..., :3], alpha[..., None]], axis=-1)


def _product(
    first: UInt8[np.ndarray, "height width"], second: UInt8[np.ndarray, "height width"]
) -> UInt8[np.ndarray, "height width"]:
    return ((first.astype(np.uint16) * second + 127) // 255).astype(np.uint8)


def over_color(rgba: UInt8[np.ndarray, "*batch 4"], color: Color) -> Float[np.ndarray, "*batch 3"]:
    """Colors in [0, 255] of pixels with straight alpha, composited over a color; not rounded."""
    behind = np.array(color, dtype=np.float32)
    colors, alpha = rgba[..., :3].astype(np.float32), rgba[..., 3:].astype(np.float32)
    return behind + (colors - behind) * (alpha / 255)


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


def is_one_color(picture: UInt8[np.ndarray, "height width 3"]) -> bool:
    """Whether all pixels are alike."""
    return bool((picture == picture[:1, :1]).all())
