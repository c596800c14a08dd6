"""The scene bank: what belongs to each scene alone, in a small folder a scene."""

from triptych.bank.scene_bank import BANK_FILE, OWN_MODEL, SCENES, SceneBank, StoragePrecision
from triptych.bank.scene_planes import ScenePlanes
from triptych.bank.stored_scene import StoredScene

__all__ = ["BANK_FILE", "OWN_MODEL", "SCENES", "SceneBank", "ScenePlanes", "StoragePrecision", "StoredScene"]
