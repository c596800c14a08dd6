"""Parts of your own: pictures from memory, and an autoencoder of your own, handed in from Python.

    python examples/06_your_own_parts.py

The pictures are of balls, drawn here; the autoencoder is two convolutions. In their place put whatever you have:
pictures with poses, and any module with `encode` and `decode`.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import tyro
from torch import nn

import triptych


class TwoConvolutions(nn.Module):
    """A quarter of the image's side, 8 channels. Any module with these two methods will do."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(3, 8, 4, stride=4)
        self.up = nn.ConvTranspose2d(8, 3, 4, stride=4)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        """Images [view, 3, height, width] in [0, 1] to latents [view, 8, height / 4, width / 4]."""
        return self.down(images)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents to images."""
        return self.up(latents)


def photograph_a_ball(number: int, views: int, side: int) -> tuple[np.ndarray, triptych.Cameras]:
    """Pictures and cameras of a ball with two colors, drawn exactly."""
    generator = np.random.default_rng(number)
    cameras = triptych.orbit_cameras(views, side, elevation_degrees=generator.uniform(10, 40))
    rays = cameras.rays()
    along = (rays.origins * rays.directions).sum(-1)
    inside = along**2 - (rays.origins**2).sum(-1) + generator.uniform(0.25, 0.4) ** 2
    height = (rays.origins + (-along - inside.clamp_min(0).sqrt())[..., None] * rays.directions)[..., 2]
    upper, lower = generator.uniform(0, 1, (2, 3))
    color = np.where((height > 0)[..., None], upper, lower)
    # Objects stand before white.
    pictures = np.where((inside > 0)[..., None], color, 1.0).reshape(views, side, side, 3)
    # Cameras of your own come from your matrices. Those of Blender or nerfstudio need axes="opengl".
    poses, intrinsics = cameras.c2w.double().numpy(), cameras.intrinsics.double().numpy()
    return pictures, triptych.cameras_from_arrays(poses, intrinsics, side, side, axes="opencv")


def main(
    out: Path = Path("runs/examples/parts"), scenes: int = 16, views: int = 24, side: int = 48, length: float = 1.0
) -> None:
    """Train on scenes from memory with an autoencoder of your own, and fit two that it has not seen.

    Args:
        out: folder for everything; rerun to go on after a stop.
        scenes: number of balls.
        views: pictures of each.
        side: side of the pictures in pixels.
        length: length of stage 1, as a multiple of the preset's.
    """
    names = [f"ball_{number:02d}" for number in range(scenes)]
    balls = {name: photograph_a_ball(number, views, side) for number, name in enumerate(names)}
    data = triptych.dataset_from_arrays(balls, 0.45, splits={"train": names[:-2], "test": names[-2:]}, test_views=4)
    print(data)

    # Set the epochs of `pretraining` to 0 if yours is trained already.
    quick = triptych.STAGE1["quick"]
    pretraining = replace(quick.pretraining, epochs=20 * length, rate=1e-2)
    settings = replace(
        quick, pretraining=pretraining, warmup=quick.warmup.longer(length), joint=quick.joint.longer(length)
    )
    torch.manual_seed(0)  # the initial weights are yours, and so is their seed
    autoencoder = TwoConvolutions()
    triptych.train(data.select("train"), out / "run", settings, autoencoder=autoencoder)

    # A saved model holds the weights of your module, but not its code: opening it takes the module again.
    model = triptych.open_model(out / "run", autoencoder=autoencoder)
    fitted = triptych.fit(model, data.select("test"), out / "bank", force=True)
    print(triptych.evaluate(fitted, data, out / "evaluation", with_lpips=False).markdown())
    print(f"look at {out / 'evaluation' / 'comparison.png'}")


if __name__ == "__main__":
    tyro.cli(main)
