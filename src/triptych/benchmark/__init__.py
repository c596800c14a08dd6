"""What the renderer and the training steps cost, measured side by side: `triptych bench`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
