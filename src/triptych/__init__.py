"""triptych: learn thousands of similar 3D scenes fast and small."""

import os

import lazy_loader

from triptych.version import __version__ as __version__

# torch's worker threads spin for milliseconds after each operation, and would keep the cores from the renderer's own
# threads; asleep at once, they would wake too slowly for the many small operations of a network. A millisecond of
# spinning serves both (docs/performance.md). OpenMP reads this once, when torch is loaded.
if "OMP_WAIT_POLICY" not in os.environ:
    os.environ.setdefault("GOMP_SPINCOUNT", "50000")
# Tensors of tens of megabytes come and go in every step. In huge pages the kernel hands them out several times faster.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

# Names are imported from where they are when they are first used: the command line answers without torch.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
