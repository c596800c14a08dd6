"""What computes: the device and its memory, the process and its end, the versions of this code."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
