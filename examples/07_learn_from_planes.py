"""A bank as training data: a torch Dataset of planes, for a generative model or any other network.

The bank is that of example 02:

    python examples/02_fit_new_cars.py
    python examples/07_learn_from_planes.py

The network here is a small autoencoder of whole scenes. A diffusion model would take the same batches.
"""

from pathlib import Path

import torch
import tyro
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader

import triptych


def main(
    bank: Path = Path("runs/examples/cars/bank"),
    model: Path | None = None,
    epochs: int = 60,
    out: Path = Path("runs/examples/planes.png"),
) -> None:
    """Learn to compress the scenes of a bank further, and render what becomes of the first one.

    Args:
        bank: a scene bank.
        model: category model of the bank; not needed for a bank of the shipped model.
        epochs: passes over all scenes.
        out: the picture: the first scene, and its reconstruction.
    """
    scenes = triptych.open_scenes(bank, model)
    data = triptych.ScenePlanes(bank, channels_first=True)
    print(data)

    # One batch: planes [scene, 3, F_mic, K, K], coefficients [scene, M] and names. A 2-D network sees the three planes
    # of a scene as channels of one image. They are not scaled: that is up to you.
    planes, coefficients, _ = next(iter(DataLoader(data, len(data))))
    images = planes.flatten(1, 2)
    mean, deviation = images.mean((0, 2, 3), keepdim=True), images.std((0, 2, 3), keepdim=True).clamp_min(1e-6)

    torch.manual_seed(0)
    channels = images.shape[1]
    network = nn.Sequential(nn.Conv2d(channels, 32, 4, 4), nn.GELU(), nn.ConvTranspose2d(32, channels, 4, 4))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(epochs):
        for batch, _, _ in DataLoader(data, 2, shuffle=True):
            standard = (batch.flatten(1, 2) - mean) / deviation
            loss = nn.functional.mse_loss(network(standard), standard)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    print(f"loss {loss.item():.3f}, where the mean scene has 1")

    # And back: scale, separate the three planes, put the channels last; planes and coefficients make a scene.
    with torch.no_grad():
        learned = network((images[:1] - mean) / deviation) * deviation + mean
    learned = learned.unflatten(1, (3, -1))[0].permute(0, 2, 3, 1)
    again = triptych.Scene(scenes.model, learned, coefficients[0], "again")

    rows = [triptych.render(scene, 4).images for scene in (scenes[data.names[0]], again)]
    # [row, view, channel, height, width] laid out as one picture.
    sheet = torch.stack(rows).clamp(0, 1).permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    out.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((sheet * 255).round().byte().numpy()).save(out)
    print(f"{data.names[0]} and its reconstruction: {out}")


if __name__ == "__main__":
    tyro.cli(main)
