from .config import StoragePrecision
from .scene_bank import BANK_FILE, OWN_MODEL, SCENES, SceneBank
from .stored_scene import StoredScene

__all__ = [
    "BANK_FILE",
    "OWN_MODEL",
    "SCENES",
    "SceneBank",
    "StoragePrecision",
    "StoredScene",
]
