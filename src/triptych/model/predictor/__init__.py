"""The predictor: from encoded views of a new scene to where its planes start, without optimization."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
