"""The scene bank: what belongs to each scene alone, in a small folder a scene."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
