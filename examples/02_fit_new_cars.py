"""Fit cars that the shipped model has never seen: stage 2, a few seconds each.

Rerun it with a larger count, and the bank grows; the cars that are in it stay as they are:

    python examples/02_fit_new_cars.py
    python examples/02_fit_new_cars.py --count 6
"""

from pathlib import Path

import torch
import tyro

from triptych import CategoryModel, Scenes
from triptych.data import DatasetConfig, open_dataset
from triptych.data.generators.cars import CarsConfig, make_cars
from triptych.evaluation.evaluate import evaluate, write_evaluation
from triptych.model import find_model
from triptych.progress import Progress
from triptych.training.presets import STAGE2
from triptych.training.stage2 import fit


def main(out: Path = Path("runs/examples/cars"), count: int = 4, views: int = 40, test_views: int = 8) -> None:
    """Draw new cars, fit them, and measure them on views that were held out.

    Args:
        out: folder for pictures, bank and evaluation.
        count: number of cars.
        views: pictures of each car.
        test_views: how many of them are held out for measuring.
    """
    # The shipped model knows cars 0 to 199 of series 0; `fit` would refuse them. Series 1 holds other cars.
    make_cars(out / "data", CarsConfig(count=count, train=0, views=views, seed=1))
    data = open_dataset(DatasetConfig(out / "data", test_views=test_views, cache=out / "cache"))

    # Decoder, base planes and tiny MLP stay frozen, so no scene depends on another: a bank can grow at any time.
    model = CategoryModel.load(find_model(Path("cars")))
    with Progress() as progress:
        bank = fit(model, data, out / "bank", STAGE2["best"], seed=0, device=torch.device("cpu"), progress=progress)

    for name in bank.names():
        print(f"{name}: {bank.scene(name).record['seconds']:.1f} s, {bank.bytes_of(name) / 1024:.0f} KiB")

    # Test views were used for nothing so far. "psnr_autoencoder" is what the decoder could reach at best.
    evaluation = evaluate(Scenes(bank, model), data, with_lpips=False)
    write_evaluation(evaluation, out / "evaluation", {"example": Path(__file__).name})
    print(evaluation.markdown())
    print(f"look at {out / 'evaluation' / 'comparison.png'}")


if __name__ == "__main__":
    tyro.cli(main)
