from .camera_range import CameraRange
from .cameras import Cameras, hemisphere_cameras, look_at
from .orbit import Orbit, orbit_cameras
from .rays import Rays, intersect_aabb

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
