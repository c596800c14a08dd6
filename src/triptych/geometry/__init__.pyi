from .camera_range import CameraRange
from .cameras import Cameras, hemisphere_cameras, look_at
from .orbit import Orbit, orbit_cameras
from .projection import Projection
from .rays import Rays, SceneRays, intersect_aabb
from .sampling import Intervals
from .windows import Window

__all__ = [
    "CameraRange",
    "Cameras",
    "Intervals",
    "Orbit",
    "Projection",
    "Rays",
    "SceneRays",
    "Window",
    "hemisphere_cameras",
    "intersect_aabb",
    "look_at",
    "orbit_cameras",
]
