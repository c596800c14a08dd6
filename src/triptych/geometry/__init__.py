"""Cameras, rays, sample placement and compositing: pure functions of tensors.

The one camera convention of triptych, to which every parser converts: camera-to-world matrices with OpenCV axes
(x right, y down, z forward), world z up, pixel centers at half-integers.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
