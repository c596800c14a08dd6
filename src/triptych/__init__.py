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

from triptych.bank import Scene, SceneBank, Scenes, StoredScene, open_scene, open_scenes, save_scene
from triptych.errors import InputError
from triptych.geometry import Cameras, Orbit, look_at, orbit_cameras
from triptych.model import CategoryModel

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
