"""The slides' tables and figures, made anew: baselines and ablations as ordinary configurations, measured alike."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
