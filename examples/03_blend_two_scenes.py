"""Go from one scene to another in steps: all scenes of a category share one latent space, so they can be blended.

The bank is that of example 02:

    python examples/02_fit_new_cars.py
    python examples/03_blend_two_scenes.py
"""

from pathlib import Path

import torch
import tyro
from PIL import Image

import triptych


def main(
    bank: Path = Path("runs/examples/cars/bank"),
    model: Path | None = None,
    first: str | None = None,
    second: str | None = None,
    steps: int = 7,
    out: Path = Path("runs/examples/blend.png"),
) -> None:
    """Draw the way between two scenes of a bank.

    Args:
        bank: a scene bank with two scenes or more.
        model: category model of the bank; not needed for a bank of the shipped model.
        first: name of a scene; the bank's first by default.
        second: name of another one; the bank's second by default.
        steps: number of pictures, both ends included.
        out: the picture.
    """
    scenes = triptych.open_scenes(bank, model)
    names = list(scenes)
    one, other = scenes[first or names[0]], scenes[second or names[1]]

    # A blend interpolates micro planes and coefficients, nothing else: it is a scene, and renders like any other.
    shares = torch.linspace(0, 1, steps).tolist()
    beside_front = triptych.orbit_cameras(12, one.model.config.width)[[1]]
    images = torch.cat([triptych.render(one.blend(other, share), beside_front).images for share in shares])

    # [step, channel, height, width] side by side.
    strip = images.clamp(0, 1).permute(2, 0, 3, 1).flatten(1, 2)
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((strip * 255).round().byte().numpy()).save(out)
    print(f"from {one.name} to {other.name} in {steps} pictures: {out}")


if __name__ == "__main__":
    tyro.cli(main)
