"""A procedural category of cars: unlimited, seeded, drawn by sphere tracing signed-distance functions.

The way of a car: ``kinds`` draws its proportions and ``details`` the rest of it, ``lengths`` turns both into lengths,
``car`` into outlines and paints; ``tracer`` draws its ``shape`` with the colors of its ``surface``; ``dataset``
writes many of them.
"""

from triptych.data.generators.cars.dataset import AABB, CarsConfig, make_cars, render_car

__all__ = ["AABB", "CarsConfig", "make_cars", "render_car"]
