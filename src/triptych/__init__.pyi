from .bank import Scene, SceneBank, Scenes, StoredScene, open_scene, open_scenes, save_scene
from .errors import InputError
from .geometry import Cameras, Orbit, look_at, orbit_cameras
from .model import CategoryModel
from .version import __version__

__all__ = [
    "Cameras",
    "CategoryModel",
    "InputError",
    "Orbit",
    "Scene",
    "SceneBank",
    "Scenes",
    "StoredScene",
    "__version__",
    "look_at",
    "open_scene",
    "open_scenes",
    "orbit_cameras",
    "save_scene",
]
