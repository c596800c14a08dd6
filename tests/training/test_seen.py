"""What views show at single pixels: in image space from the pictures' bytes, which says the same as their latents."""

import numpy as np
import pytest
import torch

from triptych.autoencoder import LatentNormalization
from triptych.data import Dataset, cameras_from_arrays, dataset_from_arrays
from triptych.data.posed_views import PosedViews
from triptych.geometry import hemisphere_cameras
from triptych.model.encoding import encode_views, shrunk_opacities
from triptych.training.seen import SeenColors, SeenLatents
from triptych.training.single.targets import image_space

SIDE = 12


def pictures(channels: int, seed: int) -> np.ndarray:
    """Views that show something on a part of them, before white; the last one nothing."""
    drawn = np.full((4, SIDE, SIDE, channels), 255, np.uint8)
    generator = np.random.default_rng(seed)
    drawn[:3, 2:9, 3:11] = generator.integers(0, 256, (3, 7, 8, channels))
    if channels == 4:
        drawn[:, :2, :, 3] = 0
    return drawn


def dataset(*channels: int) -> Dataset:
    cameras = hemisphere_cameras(4, SIDE, seed=0)
    posed = cameras_from_arrays(cameras.c2w, cameras.intrinsics, SIDE, SIDE)
    scenes = {f"scene_{number}": (pictures(count, number), posed) for number, count in enumerate(channels)}
    return dataset_from_arrays(scenes, 0.3, test_views=1)


@pytest.mark.parametrize("channels", [(3, 3), (4, 4), (3, 4)])
@pytest.mark.parametrize("kind", ["affine", "tanh"])
def test_bytes_say_what_latents_of_image_space_say(channels: tuple[int, int], kind: str) -> None:
    scenes = dataset(*channels)
    model, views = image_space(scenes), PosedViews(scenes)
    model.normalization = LatentNormalization(kind, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.9, 1.0, 1.1]))
    latents = encode_views(model, views, torch.device("cpu"), precision=torch.float32)
    encoded = SeenLatents(latents, shrunk_opacities(views, 1, precision=torch.float32))
    colors = SeenColors.of(model, views, opacities=True)
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randint(count, (500,), generator=generator) for count in (len(views), SIDE, SIDE)]
    expected, found = encoded.at(*drawn), colors.at(*drawn)
    torch.testing.assert_close(found.latents, expected.latents)
    assert (found.opacities is None) == (4 not in channels)
    if expected.opacities is not None:
        assert found.opacities is not None
        torch.testing.assert_close(found.opacities, expected.opacities)
    background = model.background(scenes.picture_size)
    assert torch.equal(colors.boxes(background), encoded.boxes(background))
    assert SeenColors.of(model, views, opacities=False).at(*drawn).opacities is None
    assert colors.nbytes < encoded.nbytes
