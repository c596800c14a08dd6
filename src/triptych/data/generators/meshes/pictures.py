"""Pictures that meshes carry or name, as plain pixels."""

import io
import warnings

import numpy as np
from jaxtyping import UInt8
from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "BMP", "TGA", "TIFF", "GIF", "DDS")
"""Kinds of pictures that are decoded; others of Pillow's would start programs or are no textures."""
MOST_PIXELS = 2**27
"""Pixels from which a picture is not decoded."""
LONGEST_SIDE = 4096
"""Larger pictures are shrunk by a whole factor: rendered views have 1024 pixels at most."""


class UnreadablePictureError(ValueError):
    """A picture cannot be decoded. The message is the reason alone."""


def decode_picture(data: bytes) -> UInt8[np.ndarray, "height width 4"]:
    """Decode a picture of any mode to straight RGBA display values; sixteen bits become eight.

    Raises:
        UnreadablePictureError: it is no picture of a kind in ``FORMATS``, too large, or damaged.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # oddities of Pillow's own, and its limit, which is not ours
            with Image.open(
                io.BytesIO(data), formats=[kind for kind in FORMATS if kind in _known_formats()]
            ) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise UnreadablePictureError("has too many pixels")
                return np.array(_shrunk(_as_rgba(picture)))
    except UnreadablePictureError:
        raise
    except Image.DecompressionBombError as error:
        raise UnreadablePictureError("has too many pixels") from error
    # A damaged picture can make a decoder fail in any way, and must not stop the other meshes.
    except Exception as error:
        raise UnreadablePictureError("is not a picture that can be read") from error


def _known_formats() -> set[str]:
    Image.init()
    return set(Image.OPEN)


def _as_rgba(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I;16"):
        gray = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    elif picture.mode == "I":  # sixteen bits, as some decoders give them
        gray = Image.fromarray((np.clip(np.asarray(picture), 0, 65535) >> 8).astype(np.uint8))
    elif picture.mode == "F":
        gray = Image.fromarray((np.clip(np.nan_to_num(np.asarray(picture)), 0, 1) * 255 + 0.5).astype(np.uint8))
    elif picture.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        gray = picture.convert("RGB")
    else:
        gray = picture
    return gray.convert("RGBA")


def _shrunk(picture: Image.Image) -> Image.Image:
    factor = -(-max(picture.size) // LONGEST_SIDE)
    return picture.reduce(factor) if factor > 1 else picture
