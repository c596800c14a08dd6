"""Framing: the largest size at which an object is whole in every view."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, UInt8

_AZIMUTHS = np.linspace(0, np.pi, 73)
_ELEVATIONS = np.radians(np.linspace(0, 75, 31))
_BINS = 256
_ROOM = 0.022


@dataclass(frozen=True)
class Frame:
    """Square pictures from cameras all around the upper hemisphere.

    Attributes:
        distance: of the cameras from the origin, in world units.
        focal: their focal length in picture widths.
        resolution: side of the pictures in pixels.
    """

    distance: float
    focal: float
    resolution: int

    @property
    def room(self) -> float:
        """Border to be left free, as a fraction of the side: 2.2 %, and a pixel at least, so that it shows."""
        return max(_ROOM, 1.05 / self.resolution)


def largest_scale(vertices: Float[np.ndarray, "vertex 3"], frame: Frame) -> float:
    """By how much an object may be enlarged so that every camera of the upper hemisphere sees the whole of it.

    Every vertex, turned to any side, has to project into the picture less its border. Turning makes only its
    distance from the vertical axis and its height matter.

    Args:
        vertices: of the object, centered in the origin, z up.
        frame: what it has to fit.
    """
    points = _outline(vertices)
    radius, height = points[:, 0, None, None], points[:, 1, None, None]
    azimuth, elevation = _AZIMUTHS[None, :, None], _ELEVATIONS[None, None, :]
    toward = radius * np.cos(azimuth)
    across = radius * np.sin(azimuth)
    upward = np.abs(height * np.cos(elevation) - toward * np.sin(elevation))
    nearer = toward * np.cos(elevation) + height * np.sin(elevation)
    # scale * side * focal / (distance - scale * nearer) <= 1/2 - room, solved for the scale.
    side, half = np.maximum(across, upward), 0.5 - frame.room
    most = half * frame.distance / np.maximum(side * frame.focal + half * nearer, 1e-12)
    return float(most.min())


def touches_edge(rgba: UInt8[np.ndarray, "view height width 4"]) -> Bool[np.ndarray, " view"]:
    """Whether the object reaches the outermost pixels of a view, so that it may be cut."""
    alpha = rgba[..., 3]
    edges = [alpha[:, 0], alpha[:, -1], alpha[:, :, 0], alpha[:, :, -1]]
    return np.any([edge.any(axis=1) for edge in edges], axis=0)


def _outline(vertices: np.ndarray) -> np.ndarray:
    """Those (distance from the axis, height) that can decide: the farthest of every height."""
    radius, height = np.hypot(vertices[:, 0], vertices[:, 1]), vertices[:, 2]
    span = max(float(np.ptp(height)), 1e-12)
    bins = np.minimum((height - height.min()) / span * _BINS, _BINS - 1).astype(np.int64)
    order = np.argsort(bins, kind="stable")
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    farthest = np.maximum.reduceat(radius[order], starts)
    # Within one bin heights differ by a 256th of the object's: both ends are tried with the largest radius.
    ends = (ufunc.reduceat(height[order], starts) for ufunc in (np.minimum, np.maximum))
    return np.concatenate([np.stack([farthest, end], axis=-1) for end in ends])
