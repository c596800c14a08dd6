"""Cameras around a scene that fit its category model."""

from triptych.errors import InputError
from triptych.geometry import Cameras, orbit_cameras
from triptych.geometry.srn import SRN_FOCAL, SRN_RADIUS
from triptych.model import CategoryModel


def orbit_of(
    model: CategoryModel,
    count: int,
    *,
    radius: float = SRN_RADIUS,
    focal: float = SRN_FOCAL,
    elevation_degrees: float = 25.0,
) -> Cameras:
    """A full circle around the origin in pictures of the model's size, on the model's device.

    Args:
        model: the category model.
        count: cameras of the circle; the first stands at azimuth 0, on +x, the next ones are turned towards +y.
        radius: distance from the origin, in world units.
        focal: focal length in picture widths.
        elevation_degrees: height above the horizon.

    Raises:
        InputError: there is no camera, or the radius or the focal length is not positive.
    """
    if count < 1 or not radius > 0 or not focal > 0:
        raise InputError(
            f"orbit: expected at least one camera, and a positive radius and focal length; got {count} camera(s), "
            f"radius {radius:g}, focal length {focal:g}"
        )
    height, width = model.config.height, model.config.width
    square = orbit_cameras(count, width, radius=radius, focal=focal, elevation_degrees=elevation_degrees)
    intrinsics = square.intrinsics.clone()
    intrinsics[:, 3] = height / 2
    return Cameras(square.c2w, intrinsics, height, width).to(model.aabb.device)
