"""The slides' tables and figures, made anew: baselines and ablations as ordinary configurations, measured alike."""

from triptych.reproduce.run import ReproduceConfig, run_reproduce

__all__ = ["ReproduceConfig", "run_reproduce"]
