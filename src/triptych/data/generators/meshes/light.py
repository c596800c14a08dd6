"""Display values and linear light, and the light that meshes stand in."""

import numpy as np
from jaxtyping import Float

AMBIENT = 0.42
SKY = 0.28
KEY = 0.30
KEY_DIRECTION = np.array([0.45, -0.55, 0.70], np.float32) / np.linalg.norm([0.45, -0.55, 0.70])
WRAP = 0.5


def light(normals: Float[np.ndarray, "hit 3"]) -> Float[np.ndarray, "hit 1"]:
    """Brightness in (0, 1] of a matt surface: constant + sky dome + one soft lamp.

    AMBIENT + SKY (1 + n_z) / 2 + KEY max(0, (n · l + WRAP) / (1 + WRAP)), the last being Lambert's law
    wrapped around the edge of the shadow. It depends on the outward normal alone: all views of a point agree.
    """
    sky = 0.5 + 0.5 * normals[:, 2:]
    lamp = np.maximum(0, (normals @ KEY_DIRECTION[:, None] + WRAP) / (1 + WRAP))
    return AMBIENT + SKY * sky + KEY * lamp


def display(colors: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The sRGB transfer function (IEC 61966-2-1) of linear light in [0, 1]."""
    colors = np.clip(colors, 0, 1)
    return np.where(colors <= 0.0031308, 12.92 * colors, 1.055 * colors ** (1 / 2.4) - 0.055)


def linear(colors: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """The inverse of ``display``."""
    return np.where(colors <= 0.04045, colors / 12.92, ((colors + 0.055) / 1.055) ** 2.4)
