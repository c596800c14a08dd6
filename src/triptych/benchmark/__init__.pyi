from .config import BenchConfig
from .run import run_benchmark

__all__ = [
    "BenchConfig",
    "run_benchmark",
]
