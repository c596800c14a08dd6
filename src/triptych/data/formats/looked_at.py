"""What the cameras of a scene look at: the box of a scene whose files say nothing of its place and size."""

import numpy as np
from jaxtyping import Float

_LEAST_POINTS = 8
_OUTLIERS = 1.0
"""Percent of the points that are left aside at either end of an axis."""
_MARGIN = 0.1
"""By how much the box is larger than what its points fill, on either side."""

Box = Float[np.ndarray, "2 3"]


def box_looked_at(
    c2w: Float[np.ndarray, "view 3 4"],
    intrinsics: Float[np.ndarray, "view 4"],
    sizes: Float[np.ndarray, "view 2"],
    points: Float[np.ndarray, "point 3"] | None = None,
) -> Box | None:
    """The box around what the pictures show whole: around the largest ball that half of them show whole, where their
    axes meet, or around the reconstructed points in this ball where there are some.

    Args:
        c2w: camera-to-world matrices, OpenCV axes.
        intrinsics: fx, fy, cx, cy in pixels.
        sizes: height and width of each picture in pixels.
        points: of the scene and what is around it, in world units.

    Returns:
        Lower and upper corner, None where the cameras look at nothing in common.
    """
    center = nearest_point(c2w[:, :, 3], c2w[:, :, 2])
    radius = float(np.median(_shown_whole(center, c2w, intrinsics, sizes)))
    if not (np.isfinite(center).all() and 0 < radius < np.inf):
        return None
    inside = _inside(points, center, radius) if points is not None else np.empty((0, 3))
    if len(inside) < _LEAST_POINTS:
        return np.stack([center - radius, center + radius])
    low, high = np.percentile(inside, [_OUTLIERS, 100 - _OUTLIERS], axis=0)
    # A flat set of points is the front of something.
    margin = np.maximum(_MARGIN * (high - low), 0.5 * _MARGIN * radius)
    return np.stack([low - margin, high + margin])


def nearest_point(eyes: Float[np.ndarray, "view 3"], forward: Float[np.ndarray, "view 3"]) -> Float[np.ndarray, "3"]:
    """The point nearest to some lines, such as the optical axes of cameras.

    Args:
        eyes: a point of each line.
        forward: its direction, of length 1.
    """
    across = np.eye(3) - forward[:, :, None] * forward[:, None, :]
    # Relative to the mean, so that parallel axes, which leave a direction open, choose the point nearest to it.
    mean = eyes.mean(axis=0)
    offset, *_ = np.linalg.lstsq(across.sum(axis=0), (across @ (eyes - mean)[:, :, None]).sum(axis=0)[:, 0], rcond=1e-6)
    return mean + offset


def _shown_whole(
    center: Float[np.ndarray, "3"],
    c2w: Float[np.ndarray, "view 3 4"],
    intrinsics: Float[np.ndarray, "view 4"],
    sizes: Float[np.ndarray, "view 2"],
) -> Float[np.ndarray, " view"]:
    """Radius of the largest ball around a point that each view shows whole: how far the sides of its pyramid are."""
    right, down, ahead = np.einsum("vji,vj->iv", c2w[:, :, :3], center - c2w[:, :, 3])
    (fx, fy, cx, cy), (height, width) = intrinsics.T, sizes.T
    sides = [
        (right * fx + ahead * cx) / np.hypot(fx, cx),
        (ahead * (width - cx) - right * fx) / np.hypot(fx, width - cx),
        (down * fy + ahead * cy) / np.hypot(fy, cy),
        (ahead * (height - cy) - down * fy) / np.hypot(fy, height - cy),
    ]
    return np.min(sides, axis=0)


def _inside(
    points: Float[np.ndarray, "point 3"], center: Float[np.ndarray, "3"], radius: float
) -> Float[np.ndarray, "chosen 3"]:
    return points[np.linalg.norm(points - center, axis=1) <= radius]
