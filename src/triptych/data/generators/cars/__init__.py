"""A procedural category of cars: unlimited, seeded, drawn by sphere tracing signed-distance functions.

The way of a car: ``kinds`` draws its proportions and ``details`` the rest of it, ``lengths`` turns both into lengths,
``car`` into outlines and paints; ``tracer`` draws its ``shape`` with the colors of its ``surface``; ``dataset``
writes many of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
