"""The sizes that measurements are about, by default the paper's; and random models and data of such sizes."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import torch

from triptych.autoencoder import Autoencoder, ConvolutionalAutoencoder, ConvolutionalConfig, LatentNormalization
from triptych.data import Dataset, dataset_from_arrays
from triptych.data.generators.cars import AABB
from triptych.geometry import hemisphere_cameras
from triptych.model import CategoryModel, ModelConfig
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.representation.planes import initial_base_planes
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.presets import STAGE1

VIEWS = 40
_DOWNSCALE = 8


@dataclass(frozen=True)
class Sizes:
    """Sizes of a batch and of its scenes (Schnepf, Kassab et al. 2024): 32 latent views of 16x16 rays."""

    views: int = 32
    side: int = 16
    samples: int = 96
    resolution: int = 64
    features: int = 32
    bases: int = 50
    channels: int = 4

    @property
    def picture(self) -> int:
        """Pixels along each side of a picture whose latent view has a side of ``side``."""
        return _DOWNSCALE * self.side

    def planes(self) -> PlaneConfig:
        """Micro and macro features in the paper's proportion."""
        micro = round(self.features * 10 / 32)
        return PlaneConfig(self.resolution, micro, self.features - micro, self.bases)

    def sampling(self) -> SamplingConfig:
        """Half the samples coarse, half where the coarse ones found matter."""
        return SamplingConfig(self.samples // 2, self.samples - self.samples // 2)


@dataclass(frozen=True)
class Extent:
    """How far the benchmark goes.

    Attributes:
        sizes: what all measurements have in common, each but for the size that it varies.
        growth: values of sizes that vary one at a time while the renderer alone is measured.
        bases: numbers of base planes of a warm-up step.
        scenes: numbers of scenes of a warm-up step; the first is that of all other steps.
        fitted_at_once: scenes of a step of stage 2.
        cars: scenes trained to find out what leaving out empty space saves.
        car_steps: steps of their training.
    """

    sizes: Sizes = field(default_factory=Sizes)
    growth: Mapping[str, tuple[int, ...]] = field(
        default_factory=lambda: {
            "side": (8, 16, 32),
            "samples": (24, 48, 96, 192),
            "resolution": (32, 64, 128),
            "features": (16, 32, 64),
        }
    )
    bases: tuple[int, ...] = (10, 50, 100)
    scenes: tuple[int, ...] = (100, 1_000, 10_000)
    fitted_at_once: int = 16
    cars: int = 4
    car_steps: int = 400


def box() -> torch.Tensor:
    """The scene box of all measurements."""
    return torch.tensor(AABB)


def random_model(
    sizes: Sizes, autoencoder: Autoencoder | None = None, planes: PlaneConfig | None = None
) -> CategoryModel:
    """A category model at the start of its training; its autoencoder is a block transform 8x down by default."""
    torch.manual_seed(0)
    autoencoder = autoencoder or ConvolutionalAutoencoder(
        ConvolutionalConfig(channels=sizes.channels, downscale=_DOWNSCALE)
    )
    planes = planes or sizes.planes()
    unit = torch.ones(autoencoder.channels)
    return CategoryModel(
        ModelConfig(planes, MLPConfig(), sizes.sampling(), sizes.picture, sizes.picture),
        autoencoder,
        LatentNormalization("affine", torch.zeros_like(unit), unit),
        initial_base_planes(planes, torch.Generator().manual_seed(0)),
        box(),
        {},
    )


def random_scenes(count: int, side: int) -> Dataset:
    """White pictures of nothing, from real cameras: for measurements of time, where the content does not matter."""
    white = np.broadcast_to(np.uint8(255), (VIEWS, side, side, 3))
    scene = (white, hemisphere_cameras(VIEWS, side, seed=0))
    return dataset_from_arrays({f"{number:05d}": scene for number in range(count)}, box())


def warmup_phase(sizes: Sizes) -> Phase:
    """The published warm-up: L_Enc on cached latents."""
    return replace(STAGE1["paper"].warmup, batch=sizes.views)


def joint_phase(sizes: Sizes) -> Phase:
    """The published joint phase: all three losses, everything trained."""
    return replace(STAGE1["paper"].joint, batch=sizes.views)


def fit_phase(views_per_scene: int) -> Phase:
    """Stage 2 with everything shared frozen."""
    return Phase(1.0, views_per_scene, Rates(micro=1e-2, coefficients=1e-2), LossWeights(enc=1.0))
