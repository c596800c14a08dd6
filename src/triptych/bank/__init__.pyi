from .batch import render_scenes
from .compaction import compact
from .compared import ComparedViews, compare_views
from .config import StoragePrecision
from .conversion import convert
from .description import BANK_FILE
from .failures import FAILED_FILE, note_failures, read_failures
from .from_planes import scenes_from_planes
from .model_of_bank import OWN_MODEL
from .plane_stream import PlaneStream
from .precision import as_stored, coded_micro
from .saving import save_scenes
from .scene import MEAN_SCENE, Scene
from .scene_bank import SceneBank
from .scene_file import open_scene, save_scene
from .scene_planes import ScenePlanes
from .scenes import Scenes, open_scenes
from .sqlite_file import NameTakenError
from .stored_scene import SceneAbout, StoredScene
from .upkeep import BankInfo, findings, info_of, merge
from .zarr_folders import SCENES

__all__ = [
    "BANK_FILE",
    "FAILED_FILE",
    "MEAN_SCENE",
    "OWN_MODEL",
    "SCENES",
    "BankInfo",
    "ComparedViews",
    "NameTakenError",
    "PlaneStream",
    "Scene",
    "SceneAbout",
    "SceneBank",
    "ScenePlanes",
    "Scenes",
    "StoragePrecision",
    "StoredScene",
    "as_stored",
    "coded_micro",
    "compact",
    "compare_views",
    "convert",
    "findings",
    "info_of",
    "merge",
    "note_failures",
    "open_scene",
    "open_scenes",
    "read_failures",
    "render_scenes",
    "save_scene",
    "save_scenes",
    "scenes_from_planes",
]
