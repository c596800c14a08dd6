"""Fit cars that the shipped model has never seen: stage 2, a few seconds each.

Rerun it with a larger count, and the bank grows; the cars that are in it stay as they are:

    python examples/02_fit_new_cars.py
    python examples/02_fit_new_cars.py --count 6
"""

from pathlib import Path

import tyro

import triptych


def main(out: Path = Path("runs/examples/cars"), count: int = 4, views: int = 40, test_views: int = 8) -> None:
    """Draw new cars, fit them, and measure them on views that were held out.

    Args:
        out: folder for pictures, bank and evaluation.
        count: number of cars.
        views: pictures of each car.
        test_views: how many of them are held out for measuring.
    """
    # The shipped model knows cars 0 to 199 of series 0; `fit` would refuse them. Series 1 holds other cars.
    triptych.make_cars(out / "data", count=count, train=0, views=views, seed=1)
    data = triptych.open_dataset(out / "data", test_views=test_views, cache=out / "cache")

    # Decoder, base planes and tiny MLP stay frozen, so no scene depends on another: a bank can grow at any time.
    scenes = triptych.fit("cars", data, out / "bank")
    for name, scene in scenes.items():
        print(f"{name}: {scene.record['seconds']:.1f} s, {scenes.bank.bytes_of(name) / 1024:.0f} KiB")

    # Test views were used for nothing so far. "psnr_autoencoder" is what the decoder could reach at best.
    evaluation = triptych.evaluate(scenes, data, out / "evaluation", with_lpips=False)
    print(evaluation.markdown())
    print(f"look at {out / 'evaluation' / 'comparison.png'}")


if __name__ == "__main__":
    tyro.cli(main)
