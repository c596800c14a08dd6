"""Size: the largest at which an object stands whole in every view."""

import numpy as np
from jaxtyping import Bool, Float, UInt8

_AZIMUTHS = np.linspace(0, np.pi, 73)
_ELEVATIONS = np.radians(np.linspace(0, 75, 31))
_BINS = 256
ROOM = 0.02
"""Free border of a picture that an object of full size leaves, as a fraction of the picture's side."""


def largest_scale(vertices: Float[np.ndarray, "vertex 3"], *, distance: float, focal: float) -> float:
    """By how much an object may be enlarged so that every camera of the upper hemisphere sees the whole of it.

    Every vertex, turned to any side, has to project into the picture less its ``ROOM``. Turning makes only its
    distance from the vertical axis and its height matter.

    Args:
        vertices: of the object, centred in the origin, z up.
        distance: of the cameras from the origin, in world units.
        focal: their focal length in picture widths.
    """
    points = _outline(vertices)
    radius, height = points[:, 0, None, None], points[:, 1, None, None]
    azimuth, elevation = _AZIMUTHS[None, :, None], _ELEVATIONS[None, None, :]
    toward = radius * np.cos(azimuth)
    across = radius * np.sin(azimuth)
    upward = np.abs(height * np.cos(elevation) - toward * np.sin(elevation))
    nearer = toward * np.cos(elevation) + height * np.sin(elevation)
    # scale * side * focal / (distance - scale * nearer) <= 1/2 - ROOM, solved for the scale.
    side = np.maximum(across, upward)
    most = (0.5 - ROOM) * distance / np.maximum(side * focal + (0.5 - ROOM) * nearer, 1e-12)
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
    order = np.lexsort((radius, bins))
    last = np.append(np.flatnonzero(np.diff(bins[order])), len(order) - 1)
    # Within one bin heights differ by a 256th of the object's: both ends are tried with the largest radius.
    low = np.array([height[order][bins[order] == bins[order][end]].min() for end in last])
    high = np.array([height[order][bins[order] == bins[order][end]].max() for end in last])
    farthest = radius[order][last]
    return np.concatenate([np.stack([farthest, low], axis=-1), np.stack([farthest, high], axis=-1)])
