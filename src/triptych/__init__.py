"""triptych: learn thousands of similar 3D scenes fast and small."""

import os

from triptych.version import __version__

# torch's worker threads spin for milliseconds after each operation, and would keep the cores from the renderer's own
# threads; asleep at once, they would wake too slowly for the many small operations of a network. A millisecond of
# spinning serves both (docs/performance.md). OpenMP reads this once, when torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "50000")
# Tensors of tens of megabytes come and go in every step. In huge pages the kernel hands them out several times faster.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from triptych.bank import SceneBank, ScenePlanes, StoredScene
from triptych.data import Dataset, cameras_from_arrays, dataset_from_arrays
from triptych.errors import InputError
from triptych.evaluation.evaluate import Evaluation
from triptych.geometry import Cameras, look_at, orbit_cameras
from triptych.model import CategoryModel
from triptych.scene import Scene, Scenes, open_scenes
from triptych.scene_file import open_scene, save_scene
from triptych.training.presets import STAGE1, STAGE2
from triptych.verbs import (
    evaluate,
    fit,
    inspect_dataset,
    make_cars,
    open_dataset,
    open_model,
    render,
    render_meshes,
    train,
)

__all__ = [
    "STAGE1",
    "STAGE2",
    "Cameras",
    "CategoryModel",
    "Dataset",
    "Evaluation",
    "InputError",
    "Scene",
    "SceneBank",
    "ScenePlanes",
    "Scenes",
    "StoredScene",
    "__version__",
    "cameras_from_arrays",
    "dataset_from_arrays",
    "evaluate",
    "fit",
    "inspect_dataset",
    "look_at",
    "make_cars",
    "open_dataset",
    "open_model",
    "open_scene",
    "open_scenes",
    "orbit_cameras",
    "render",
    "render_meshes",
    "save_scene",
    "train",
]
