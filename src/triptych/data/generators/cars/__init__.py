"""A procedural category of cars: unlimited, seeded, drawn by sphere tracing signed-distance functions.

The way of a car: ``kinds`` draws its proportions, ``layout`` turns them into lengths, outlines and paints,
``tracer`` draws it, ``dataset`` writes many of them.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
