from .config import ReproduceConfig
from .run import run_reproduce

__all__ = ["ReproduceConfig", "run_reproduce"]
