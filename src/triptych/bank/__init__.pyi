from .compared import ComparedViews, compare_views
from .config import StoragePrecision
from .scene import MEAN_SCENE, Scene
from .scene_bank import BANK_FILE, OWN_MODEL, SCENES, SceneBank
from .scene_file import open_scene, save_scene
from .scene_planes import ScenePlanes
from .scenes import Scenes, open_scenes
from .stored_scene import SceneAbout, StoredScene

__all__ = [
    "BANK_FILE",
    "MEAN_SCENE",
    "OWN_MODEL",
    "SCENES",
    "ComparedViews",
    "Scene",
    "SceneAbout",
    "SceneBank",
    "ScenePlanes",
    "Scenes",
    "StoragePrecision",
    "StoredScene",
    "compare_views",
    "open_scene",
    "open_scenes",
    "save_scene",
]
