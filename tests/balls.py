"""A tiny category for tests: balls of several colors and sizes, drawn exactly by ray-sphere intersection."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from triptych.autoencoder import ConvolutionalConfig
from triptych.data.formats.writer import write_dataset_file, write_scene
from triptych.geometry import Cameras, hemisphere_cameras
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.training.autoencoder_config import NewAutoencoder, Pretraining
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.phase import LossWeights, Phase, Rates

AABB = ((-0.45, -0.45, -0.45), (0.45, 0.45, 0.45))


def draw_ball(index: int, cameras: Cameras) -> np.ndarray:
    """RGBA views of ball number ``index``: its upper half in one color, its lower half in another."""
    generator = np.random.default_rng(index)
    radius = generator.uniform(0.25, 0.4)
    colors = generator.uniform(0, 1, (2, 3))
    rays = cameras.rays()
    along = (rays.origins * rays.directions).sum(-1)
    under = along**2 - (rays.origins**2).sum(-1) + radius**2
    point = rays.origins + (-along - under.clamp_min(0).sqrt())[..., None] * rays.directions
    color = np.where((point[..., 2] > 0)[..., None], colors[0], colors[1])
    rgba = np.concatenate([color, (under > 0)[..., None]], axis=-1)
    return (rgba * 255).round().astype(np.uint8).reshape(len(cameras), cameras.height, cameras.width, 4)


def make_balls(root: Path, train: int = 3, test: int = 2, views: int = 6, resolution: int = 32) -> Path:
    """Write a dataset of balls."""
    names = [f"ball_{index}" for index in range(train + test)]
    for index, name in enumerate(names):
        cameras = hemisphere_cameras(views, resolution, seed=index)
        write_scene(root, name, cameras, draw_ball(index, cameras))
    write_dataset_file(root, AABB, {"train": names[:train], "test": names[train:]}, {"generator": "balls"})
    return root


def tiny_stage1(**changes: Any) -> Stage1Config:
    """A stage 1 of a few steps, all phases included."""
    convolutional = ConvolutionalConfig(channels=4, width=8, inner_width=8, inner_blocks=1)
    config = Stage1Config(
        autoencoder=NewAutoencoder(network=convolutional),
        planes=PlaneConfig(resolution=8, micro_features=4, macro_features=4, base_planes=3),
        mlp=MLPConfig(hidden=16, hidden_activation="relu"),
        sampling=SamplingConfig(coarse=8, importance=0),
        pretraining=Pretraining(epochs=1.0, batch=4),
        warmup=Phase(20.0, 4, Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2), LossWeights(enc=1.0, tv=1e-4)),
        joint=Phase(
            2.0,
            4,
            Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=3e-3, encoder=3e-4, decoder=3e-4),
            LossWeights(ae=0.1, enc=1.0, dec=1.0, tv=1e-4),
        ),
    )
    return replace(config, **changes)


def short_stage1() -> Stage1Config:
    """The same with a few steps of each phase: what it learns is nobody's test."""
    config = tiny_stage1()
    return replace(config, warmup=replace(config.warmup, epochs=2.0))


def tiny_stage2(**changes: Any) -> Stage2Config:
    """A stage 2 of a few steps."""
    config = Stage2Config(
        latent=Phase(2.0, 2, Rates(micro=1e-2, coefficients=1e-2), LossWeights(enc=1.0)),
        image=Phase(1.0, 2, Rates(micro=5e-3, coefficients=5e-3), LossWeights(dec=1.0)),
    )
    return replace(config, **changes)
