"""A few scenes that a plan is timed on: the first of a dataset, or made-up ones of the same size."""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from triptych.data import Dataset, DatasetConfig, dataset_from_arrays, open_dataset
from triptych.data.dataset import find_chosen
from triptych.data.validation import Problems
from triptych.geometry import Cameras, hemisphere_cameras

_SAMPLED = 4
_BALL, _BOX = 0.4, 0.55
"""In world units: a ball fills as much of a picture as objects do."""


def sample_of(config: DatasetConfig) -> tuple[Dataset, int, int | None]:
    """A few scenes of a dataset, the number of all that are chosen, and of those declared for training.

    Only the few are read.

    Raises:
        InputError: they cannot be used.
    """
    folder, declaration = find_chosen(config, "all", Problems())
    names, declared = folder.names, (declaration.splits or {}).get("train")
    few = [name for name in names if "," not in name and name == name.strip()][:_SAMPLED]
    sample = open_dataset(replace(config, scenes=",".join(few) or names[0]))
    return sample, len(names), None if declared is None else len(set(names).intersection(declared))


def random_sample(views: int, side: int, scenes: int) -> Dataset:
    """Balls of random colors on white, seen from random cameras: as much of a picture as objects fill."""
    pictures = {}
    for number in range(min(scenes, _SAMPLED)):
        cameras = hemisphere_cameras(views, side, seed=number)
        pictures[f"{number}"] = (np.stack([_ball_seen(cameras, view, number) for view in range(views)]), cameras)
    return dataset_from_arrays(pictures, _BOX)


def _ball_seen(cameras: Cameras, view: int, seed: int) -> UInt8[np.ndarray, "height width 3"]:
    rays = cameras[[view]].rays()
    along = (rays.origins * rays.directions).sum(dim=-1) / rays.directions.norm(dim=-1)
    nearest = (rays.origins.square().sum(dim=-1) - along.square()).reshape(cameras.height, cameras.width)
    picture = np.full((cameras.height, cameras.width, 3), 255, np.uint8)
    inside = (nearest < _BALL**2).numpy()
    picture[inside] = np.random.default_rng(1000 * seed + view).integers(0, 256, (int(inside.sum()), 3))
    return picture
