"""A procedural category of cars: unlimited, seeded, drawn by sphere tracing signed-distance functions.

The way of a car: ``kinds`` draws its proportions, ``layout`` turns them into lengths, outlines and paints,
``tracer`` draws it, ``dataset`` writes many of them.
"""

from triptych.data.generators.cars.dataset import AABB, CarsConfig, make_cars, render_car

__all__ = ["AABB", "CarsConfig", "make_cars", "render_car"]
