"""What the renderer and the training steps cost, measured side by side: `triptych bench`."""

from triptych.benchmark.run import BenchConfig, run_benchmark

__all__ = ["BenchConfig", "run_benchmark"]
