"""The procedural category of cars as pictures and as a dataset on the disk."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from triptych.data.formats.writer import scene_is_written, write_dataset_file, write_scene
from triptych.data.generators.cars.car import draw_car
from triptych.data.generators.cars.config import CarsConfig
from triptych.data.generators.cars.shape import profile_distances
from triptych.data.generators.cars.tracer import trace
from triptych.data.generators.resumable import open_for_making
from triptych.geometry import Cameras, hemisphere_cameras
from triptych.runtime import require_memory, thread_count_kept

AABB = ((-0.53, -0.25, -0.235), (0.53, 0.25, 0.235))
"""Lower and upper corner of a box around every car, in world units."""
VERSION = 1
"""To be raised whenever a car of the same index and seed, or its cameras, come out differently."""


def render_car(
    index: int, seed: int, cameras: Cameras, *, samples_per_axis: int = 2
) -> UInt8[np.ndarray, "view height width 4"]:
    """Draw car number ``index`` of the series ``seed``, front toward +x, from every camera.

    The shading does not depend on the view, as the radiance of a tri-plane does not.

    Returns:
        red, green, blue and straight alpha; white and transparent where there is no car.
    """
    car = draw_car(index, seed)
    out = np.empty((len(cameras), cameras.height, cameras.width, 4), np.uint8)
    c2w = np.ascontiguousarray(cameras.c2w.double().cpu().numpy())
    intrinsics = np.ascontiguousarray(cameras.intrinsics.double().cpu().numpy())
    profiles = profile_distances(car.body, car.cabin)
    with thread_count_kept():
        trace(car.lengths, profiles, car.paints, c2w, intrinsics, samples_per_axis, out)
    return out


def make_cars(out: Path, config: CarsConfig, on_scene: Callable[[str], None] = lambda name: None) -> None:
    """Make, continue or grow a dataset of cars.

    Args:
        out: the dataset's folder.
        config: what to draw.
        on_scene: called with each scene's name once it is on the disk, for a progress bar.

    Raises:
        InputError: the folder holds another dataset.
        OSError: the folder cannot be written, for instance because the disk is full.
    """
    require_memory({"the pictures of a car": 4 * config.views * config.resolution**2})
    made_by = {
        "generator": "cars",
        "version": VERSION,
        "seed": config.seed,
        "views": config.views,
        "resolution": config.resolution,
        "samples_per_axis": config.samples_per_axis,
    }
    names = [f"car_{index:05d}" for index in range(config.count)]
    with open_for_making(out, made_by):
        for index, name in enumerate(names):
            if not scene_is_written(out, name):
                cameras = hemisphere_cameras(config.views, config.resolution, _camera_seed(index, config.seed))
                rgba = render_car(index, config.seed, cameras, samples_per_axis=config.samples_per_axis)
                write_scene(out, name, cameras, rgba)
            on_scene(name)
        splits = {"train": names[: config.train], "test": names[config.train :]}
        write_dataset_file(out, AABB, splits, made_by)


def _camera_seed(index: int, seed: int) -> int:
    return int(np.random.SeedSequence([seed, index, 1]).generate_state(1)[0])
