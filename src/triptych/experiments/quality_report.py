"""The results of the quality protocol as JSON, as a table and as a plot."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from triptych.evaluation.pictures import new_figure, save_figure
from triptych.experiments.curves import Curve, Point, draw_curves
from triptych.experiments.tables import Table
from triptych.files import write_json, write_text

_NEAR = 1.0
"""A latent scene counts as good as RGB tri-planes when it is at most so many dB below them."""
_KEYS = {"latent": "ours", "plain": "plain", "rgb": "rgb"}
"""What the curves are called in the JSON file."""


@dataclass(frozen=True)
class SetResults:
    """What was measured on one set of scenes.

    Attributes:
        stage1_scenes: scenes of stage 1.
        new_scenes: never-seen scenes that were fitted.
        stage1_seconds: wall time of stage 1.
        curves: quality against time of ``ours``, ``plain`` and ``rgb``.
    """

    stage1_scenes: int
    new_scenes: int
    stage1_seconds: float
    curves: Mapping[str, Curve]

    def as_json(self) -> dict[str, Any]:
        """All numbers, the summary too."""
        return {
            "stage1_scenes": self.stage1_scenes,
            "new_scenes": self.new_scenes,
            "stage1_seconds": self.stage1_seconds,
            **{key: [point.as_json() for point in self.curves[name].points] for key, name in _KEYS.items()},
            "summary": asdict(summarize(self.curves)),
        }


@dataclass(frozen=True)
class Summary:
    """What the protocol asks of one set: how far latent scenes are from RGB at convergence, and how much faster.

    Attributes:
        psnr_latent: of the best latent budget, in dB.
        psnr_rgb: of RGB at convergence, its last budget.
        psnr_gap: the former less the latter.
        psnr_plain: in the plain autoencoder's latent space.
        speedup: the time of RGB at convergence over that of the shortest latent budget within 1 dB of it; None where
            no budget gets so near.
        speedup_at_equal_quality: the time at which RGB reaches the PSNR of the best latent budget, on straight lines
            between its budgets, over the time of that budget; None where RGB's shortest budget is better already.
    """

    psnr_latent: float
    psnr_rgb: float
    psnr_gap: float
    psnr_plain: float
    speedup: float | None
    speedup_at_equal_quality: float | None


def summarize(curves: Mapping[str, Curve]) -> Summary:
    """What the curves ``ours``, ``plain`` and ``rgb`` of one set say."""
    converged, best = curves["rgb"].points[-1], curves["ours"].best()
    goal = converged.measured.psnr - _NEAR
    near = [point.seconds for point in curves["ours"].points if point.measured.psnr >= goal]
    equal = curves["rgb"].seconds_to_reach(best.measured.psnr)
    return Summary(
        psnr_latent=best.measured.psnr,
        psnr_rgb=converged.measured.psnr,
        psnr_gap=best.measured.psnr - converged.measured.psnr,
        psnr_plain=curves["plain"].points[0].measured.psnr,
        speedup=converged.seconds / min(near) if near else None,
        speedup_at_equal_quality=None if equal is None else equal / best.seconds,
    )


def write_report(file: Path, results: Mapping[str, SetResults], about: Mapping[str, Any]) -> None:
    """Write ``file`` (JSON), and beside it the same name with .md and .png.

    Args:
        file: where.
        results: by set.
        about: how they were made.
    """
    write_json(file, {"sets": {name: measured.as_json() for name, measured in results.items()}, **about})
    write_text(file.with_suffix(".md"), as_markdown(results))
    _plot(file.with_suffix(".png"), results)


def as_markdown(results: Mapping[str, SetResults]) -> str:
    """One table for each set, and its summary."""
    parts = []
    for name, measured in results.items():
        summary = asdict(summarize(measured.curves))
        parts += [
            f"## {name}: {measured.new_scenes} never-seen scenes, test views\n",
            f"Stage 1: {measured.stage1_scenes} scenes, {measured.stage1_seconds / 60:.0f} minutes, once.\n",
            _table(measured).markdown(),
            "".join(f"- {key}: {_number(value)}\n" for key, value in summary.items()),
        ]
    return "\n".join(parts)


def _table(measured: SetResults) -> Table:
    columns = ["method", "seconds per scene", "PSNR", "SSIM", "train views", "autoencoder alone", "latent error"]
    return Table(columns, [_row(curve, point) for curve in measured.curves.values() for point in curve.points])


def _row(curve: Curve, point: Point) -> list[str]:
    found = point.measured
    cells = (
        (found.seconds, ".1f"),
        (found.psnr, ".2f"),
        (found.ssim, ".4f"),
        (found.psnr_train_views, ".2f"),
        (found.psnr_autoencoder, ".2f"),
        (found.latent_error, ".3f"),
    )
    return [curve.title, *("" if value is None else format(value, form) for value, form in cells)]


def _number(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.2f}"


def _plot(path: Path, results: Mapping[str, SetResults]) -> None:
    """PSNR and SSIM against seconds per scene, one row for each set."""
    figure = new_figure(9.0, 3.4 * len(results))
    axes = figure.subplots(len(results), 2, squeeze=False)
    for (psnr, ssim), (name, measured) in zip(axes, results.items(), strict=True):
        draw_curves(psnr, measured.curves, "psnr")
        draw_curves(ssim, measured.curves, "ssim")
        psnr.set_title(name)
        ssim.set_title(name)
    axes[0, 0].legend(fontsize=7)
    save_figure(figure, path)
