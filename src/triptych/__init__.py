"""triptych: learn thousands of similar 3D scenes fast and small."""

import os

__version__ = "0.1.0"

# torch's worker threads would spin between operations and take the cores from the renderer's own threads, or from any
# other program. OpenMP reads this once, when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Tensors of tens of megabytes come and go in every step. In huge pages the kernel hands them out several times faster.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

from triptych.bank import SceneBank, StoredScene
from triptych.errors import InputError
from triptych.model import CategoryModel

__all__ = ["CategoryModel", "InputError", "SceneBank", "StoredScene", "__version__"]
