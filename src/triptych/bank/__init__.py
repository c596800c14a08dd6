"""Scenes: the bank that keeps what belongs to each scene alone, single-scene files, and scenes as things to render."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
