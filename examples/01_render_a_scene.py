"""Render a scene from any side: RGB, latents and depth of the same cameras.

Without a bank it draws the mean of the cars that the shipped model was trained on:

    python examples/01_render_a_scene.py
    python examples/01_render_a_scene.py --bank runs/examples/cars/bank     # the first scene of example 02's bank
"""

from pathlib import Path

import torch
import tyro
from PIL import Image

import triptych


def stretched(values: torch.Tensor) -> torch.Tensor:
    """Values of any range as colors from 0 to 1."""
    low, high = values.min(), values.max()
    return (values - low) / (high - low).clamp_min(1e-6)


def main(
    bank: Path | None = None,
    model: Path | None = None,
    views: int = 6,
    out: Path = Path("runs/examples/scene.png"),
) -> None:
    """Draw one scene from several sides.

    Args:
        bank: a scene bank; without one, the mean of the cars that the shipped model was trained on is drawn.
        model: category model of the bank; not needed for a bank of the shipped model.
        views: number of cameras on the circle.
        out: the picture.
    """
    if bank is None:
        # Every new scene starts as the mean of the stage-1 scenes. That is a scene like any other.
        cars = triptych.open_model("cars")
        scene = triptych.Scene(cars, cars.start_micro, cars.start_coefficients, "mean car")
    else:
        scenes = triptych.open_scenes(bank, model)
        scene = scenes[next(iter(scenes))]

    found = triptych.render(scene, views)

    # Latents and depth are smaller than the images: this is what the renderer computes, the decoder does the rest.
    height, width = found.images.shape[2:]
    depth = torch.where(found.opacity > 0.5, found.depth, found.depth.max())
    rows = [
        found.images.clamp(0, 1),
        stretched(found.latents[:, :3]),
        stretched(-depth)[:, None].expand(-1, 3, -1, -1),
    ]
    rows = [torch.nn.functional.interpolate(row, size=(height, width), mode="nearest") for row in rows]
    # [row, view, channel, height, width] laid out as one picture.
    sheet = torch.stack(rows).permute(0, 3, 1, 4, 2).reshape(len(rows) * height, views * width, 3)
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((sheet * 255).round().byte().numpy()).save(out)
    print(f"{scene.name}: images, latents and depth of {views} cameras in {out}")


if __name__ == "__main__":
    tyro.cli(main)
