from .bank import SceneBank, StoredScene
from .errors import InputError
from .geometry import Cameras, look_at, orbit_cameras
from .model import CategoryModel
from .scene import Scene, Scenes, open_scenes
from .scene_file import open_scene, save_scene
from .version import __version__

__all__ = [
    "Cameras",
    "CategoryModel",
    "InputError",
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
