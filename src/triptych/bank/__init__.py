"""Scenes: the bank that keeps what belongs to each scene alone, single-scene files, and scenes as things to render."""

from triptych.bank.compared import ComparedViews, compare_views
from triptych.bank.scene import MEAN_SCENE, Scene
from triptych.bank.scene_bank import BANK_FILE, OWN_MODEL, SCENES, SceneBank, StoragePrecision
from triptych.bank.scene_file import open_scene, save_scene
from triptych.bank.scenes import Scenes, open_scenes
from triptych.bank.stored_scene import SceneAbout, StoredScene

__all__ = [
    "BANK_FILE",
    "MEAN_SCENE",
    "OWN_MODEL",
    "SCENES",
    "ComparedViews",
    "Scene",
    "SceneAbout",
    "SceneBank",
    "Scenes",
    "StoragePrecision",
    "StoredScene",
    "compare_views",
    "open_scene",
    "open_scenes",
    "save_scene",
]
