"""A viewer of scenes in the browser, made with viser, which only ``server``, ``session``, ``frustums`` and the parts
of the panel import: everything else works without it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
