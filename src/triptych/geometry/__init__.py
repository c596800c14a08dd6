"""Cameras, rays, sample placement and compositing: pure functions of tensors.

The one camera convention of triptych, to which every parser converts: camera-to-world matrices with OpenCV axes
(x right, y down, z forward), world z up, pixel centres at half-integers.
"""

from triptych.geometry.camera_range import CameraRange
from triptych.geometry.cameras import Cameras, hemisphere_cameras, look_at
from triptych.geometry.orbit import Orbit, orbit_cameras
from triptych.geometry.rays import Rays, intersect_aabb

__all__ = [
    "CameraRange",
    "Cameras",
    "Orbit",
    "Rays",
    "hemisphere_cameras",
    "intersect_aabb",
    "look_at",
    "orbit_cameras",
]
