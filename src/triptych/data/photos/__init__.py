"""Photographs of objects as a posed dataset: cut out, without lens distortion, all in one frame.

The way of an object: ``objects`` finds it with its cameras (``turntable`` where they follow from a turning angle),
``cutouts`` says what is object in its pictures, ``small_views`` makes small ones. ``placing`` finds the object by its
visual hull and sets it ``upright``; ``retaking`` makes the crops, ``exposure`` evens them out. ``alignment`` then turns
all objects to the mean of their hulls (``fronts``), and ``sheet`` shows them. ``dataset`` does a whole folder.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
