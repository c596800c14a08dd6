"""The page of the demonstration: what came out, and what to do next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from triptych.evaluation.evaluate import Evaluation, cells
from triptych.evaluation.report import Report, training_curves
from triptych.files import LOG_FILE, read_log
from triptych.metrics import mean
from triptych.runtime import versions
from triptych.text import span

_LABELS = {"ours": "3D-aware latent space (ours)", "plain": "plain autoencoder's"}
_TITLES = {
    "psnr": "PSNR (dB)",
    "psnr_autoencoder": "autoencoder alone (dB)",
    "ssim": "SSIM",
    "lpips": "LPIPS",
    "seconds": "seconds",
    "bytes": "bytes",
    "fitted_views": "fitted views",
    "views": "test views",
}
_QUALITY = ("psnr", "ssim", "psnr_autoencoder")
PREDICTIONS = "predictions.png"
_COLUMNS = (
    "One row per car; from left to right: the true picture, the rendering, their difference times four, the latent of "
    "the picture, the rendered latent, the depth."
)


def write_demo_page(
    out: Path, metrics: Mapping[str, Any], evaluations: Mapping[str, Evaluation], stage1: Path, model: str
) -> Path:
    """Write ``report.html`` into the folder of a demonstration.

    Args:
        out: the folder, with pictures, video and banks.
        metrics: the demonstration's numbers.
        evaluations: of the never-seen cars, ``ours`` and, of a demonstration from scratch, ``plain``.
        stage1: folder of stage 1's log.
        model: what commands call the category model.

    Returns:
        The page.
    """
    page = Report("triptych: never-seen cars in a 3D-aware latent space")
    page.text(
        f"{metrics['scenes_stage1']} procedural cars trained the category model (stage 1). The "
        f"{metrics['scenes_stage2']} cars below were never seen by it: each was fitted from its training views in "
        f"{metrics['seconds_per_new_scene']:.1f} s with {metrics['share_of_preset']:.0%} of the preset's steps, and "
        f"takes {metrics['bytes_per_new_scene'] / 1024:.0f} KiB on the disk. All numbers are means over views that "
        "were not used for fitting."
    )
    page.video(out / "orbit.mp4", "The never-seen cars, rendered from their tri-planes and decoded.")
    _add_quality(page, out, evaluations)
    _add_predictions(page, out, metrics, evaluations["ours"])
    _add_stage1(page, out, stage1)
    _add_next(page, out, model)
    page.heading("Where the time went")
    seconds = metrics["seconds"]
    page.table(
        ["part", "seconds"],
        [[part, f"{value:.0f}"] for part, value in seconds.items()],
        "Seconds of wall time, all runs together.",
        ["all", f"{sum(seconds.values()):.0f}"],
    )
    page.heading("The dataset")
    page.picture(out / "cars.png", "One view of each car.", "A sheet of small pictures, one for each car.")
    page.text("Made with " + ", ".join(f"{name} {value}" for name, value in versions().items()) + ".")
    page.write(out / "report.html")
    return out / "report.html"


def _add_quality(page: Report, out: Path, evaluations: Mapping[str, Evaluation]) -> None:
    page.heading("Quality on test views of never-seen cars")
    ours = evaluations["ours"]
    if len(evaluations) > 1:
        rows = [[_LABELS[kind], *cells(each.summary(), _QUALITY)] for kind, each in evaluations.items()]
        page.table(["latent space", *(_TITLES[key] for key in _QUALITY)], rows, "Means over all cars.")
    columns = ours.measured()
    page.table(
        ["car", *(_TITLES[key] for key in columns)],
        [[name, *cells(values, columns)] for name, values in ours.scenes.items()],
        "Each car in the 3D-aware latent space.",
        ["mean", *cells(ours.summary(), columns)],
    )
    same = "The colors of all latents on this page have one scale."
    page.picture(
        out / "evaluation_ours" / "comparison.png", f"Ours: tri-planes in the 3D-aware latent space. {same}", _COLUMNS
    )
    if "plain" not in evaluations:
        return
    page.picture(
        out / "evaluation_plain" / "comparison.png",
        "The same tri-planes in the plain autoencoder's latent space.",
        _COLUMNS,
    )
    page.text(
        "Both: planes of the same size, the same stage-2 settings, the same views. The plain latent space is that "
        "of stage 1 stopped after the warm-up: the joint phase has changed neither its autoencoder nor its base planes."
    )


def _add_predictions(page: Report, out: Path, metrics: Mapping[str, Any], fitted: Evaluation) -> None:
    predicted = metrics["predicted"]
    if not predicted:
        return
    shown = [fitted.scenes[name] for name in next(iter(predicted.values()))["scenes"]]
    page.heading("At once, without fitting")
    page.text(
        "The model also has a predictor: a network that says from some pictures of a new car where its planes start. "
        "Fitting begins there."
    )
    rows = [
        [f"predicted from {views} pictures", f"{scenes['psnr']:.2f}", f"{scenes['seconds']:.2f}"]
        for views, scenes in predicted.items()
    ]
    fit = [f"{mean([scene[key] for scene in shown]):.2f}" for key in ("psnr", "seconds")]
    page.table(
        ["", _TITLES["psnr"], "seconds per car"],
        rows,
        f"Means over {len(shown)} of the cars, the same test views.",
        [f"fitted to {span(int(scene['fitted_views']) for scene in shown)} pictures", *fit],
    )
    page.picture(
        out / PREDICTIONS,
        "Predicted, and fitted.",
        "One row per car; from left to right: the true picture, the predictions from few and from more pictures, the "
        "fitted car.",
    )


def _add_stage1(page: Report, out: Path, stage1: Path) -> None:
    if not (stage1 / LOG_FILE).exists():
        return
    page.heading("Stage 1")
    log = read_log(stage1)
    measured = [line["test_psnr"] for line in log if "test_psnr" in line]
    reached = f", which ends at {measured[-1]:.1f} dB" if measured else ""
    page.picture(
        training_curves(log),
        "Losses, and test PSNR of the stage-1 scenes, over the phases.",
        f"Two curves over the seconds of stage 1: the losses, and the PSNR on views never trained on{reached}.",
    )
    if (stage1 / "progress.png").exists():
        page.picture(
            stage1 / "progress.png",
            "Test views of stage-1 scenes: picture, decoded rendering, encoded latent, rendered latent.",
            "Four rows of small pictures, one column per view.",
        )


def _add_next(page: Report, out: Path, model: str) -> None:
    page.heading("What to do next")
    bank, cars = out / "bank_ours", out / "cars"
    of_model = "" if model == "cars" else f" --model {shlex.quote(model)}"
    for text, command in (
        (
            'Look at the cars from any side, blend them, see their latents (pip install "triptych[viewer]"):',
            f"triptych view {_quoted(bank)}{of_model} --data {_quoted(cars)}",
        ),
        (
            "Put them on a page that any browser shows:",
            f"triptych export web {_quoted(bank)} {_quoted(out / 'page')}{of_model}",
        ),
        (
            'Take them into other programs as meshes (pip install "triptych[mesh]"):',
            f"triptych export mesh {_quoted(bank)} {_quoted(out / 'meshes')}{of_model}",
        ),
        (
            "See what triptych makes of objects of your own: a folder of posed pictures, with what is wrong and what "
            "suits this model:",
            f"triptych data inspect MY_OBJECTS --model {shlex.quote(model)} --out inspected",
        ),
        ("Fit them:", f"triptych fit {shlex.quote(model)} MY_OBJECTS --out my_bank"),
        ("Or train a model of their kind first, from a few dozen of them:", "triptych train MY_OBJECTS --out my_model"),
    ):
        page.command(text, command)


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
