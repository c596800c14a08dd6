from .config import CarsConfig
from .dataset import AABB, make_cars, render_car

__all__ = [
    "AABB",
    "CarsConfig",
    "make_cars",
    "render_car",
]
