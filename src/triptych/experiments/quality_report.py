"""The results of the quality protocol as JSON, as tables and as plots."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from triptych.evaluation.pictures import new_figure, save_figure
from triptych.experiments.curves import Curve, Point, draw_curves
from triptych.experiments.gaps import GAP_TITLES, Gaps, gaps_between, quality_chain
from triptych.experiments.measured import Measured
from triptych.experiments.speed import CONVERGED, Race, gain_of_last_doubling, has_converged, races
from triptych.experiments.tables import Table
from triptych.files import write_json, write_text

_KEYS = {"ours": "latent", "plain": "plain", "rgb": "rgb"}
"""What the curves are called in the JSON file."""
_BUDGETS = {"budget": "x preset", "steps": "steps"}
"""What a number that sets a budget apart is a number of."""


@dataclass(frozen=True)
class SetResults:
    """What was measured on one set of scenes.

    Attributes:
        stage1_scenes: scenes of stage 1.
        new_scenes: never-seen scenes that were fitted.
        stage1_seconds: wall time of stage 1.
        trained: the scenes of stage 1 at its end, means.
        curves: quality against time of ``ours``, ``plain`` (in a latent space alone) and ``rgb``, on the never-seen
            scenes.
    """

    stage1_scenes: int
    new_scenes: int
    stage1_seconds: float
    trained: Measured
    curves: Mapping[str, Curve]

    @property
    def at_preset(self) -> Point:
        """Ours at the budget nearest to the preset's own."""
        return min(self.curves["ours"].points, key=lambda point: abs(point.settings["budget"] - 1))

    @property
    def gaps(self) -> Gaps:
        """What lies between RGB tri-planes and new scenes at the preset's budget."""
        return gaps_between(self.trained, self.at_preset.measured, self.curves["rgb"].best().measured)

    @property
    def chain(self) -> Mapping[str, float]:
        """PSNR in dB, from the autoencoder to RGB tri-planes."""
        return quality_chain(self.trained, self.at_preset.measured, self.curves["rgb"].best().measured)

    @property
    def races(self) -> list[Race]:
        """Seconds of RGB tri-planes against ours at equal PSNR."""
        return races(self.curves["ours"], self.curves["rgb"])

    def as_json(self) -> dict[str, Any]:
        """All numbers, the summary too."""
        return {
            "stage1_scenes": self.stage1_scenes,
            "new_scenes": self.new_scenes,
            "stage1_seconds": self.stage1_seconds,
            "trained": self.trained.as_json(),
            **{_KEYS[name]: [point.as_json() for point in curve.points] for name, curve in self.curves.items()},
            "gaps": asdict(self.gaps),
            "largest_gap": self.gaps.largest,
            "at_equal_quality": [race.as_json() for race in self.races],
            "summary": asdict(summarize(self.curves)),
        }


@dataclass(frozen=True)
class Summary:
    """How far latent scenes are from RGB at convergence.

    Attributes:
        psnr_latent: of the best latent budget, in dB.
        psnr_rgb: of the best RGB budget.
        psnr_gap: the former less the latter.
        psnr_plain: in the plain autoencoder's latent space; None where ours is image space.
        rgb_last_doubling: what the last doubling of the steps of RGB tri-planes has gained, in dB; None of one budget.
        rgb_converged: whether that is little enough to call them converged.
    """

    psnr_latent: float
    psnr_rgb: float
    psnr_gap: float
    psnr_plain: float | None
    rgb_last_doubling: float | None
    rgb_converged: bool


def summarize(curves: Mapping[str, Curve]) -> Summary:
    """What the curves ``ours``, ``plain`` and ``rgb`` of one set say."""
    rgb, best = curves["rgb"], curves["ours"].best()
    return Summary(
        psnr_latent=best.measured.psnr,
        psnr_rgb=rgb.best().measured.psnr,
        psnr_gap=best.measured.psnr - rgb.best().measured.psnr,
        psnr_plain=curves["plain"].points[0].measured.psnr if "plain" in curves else None,
        rgb_last_doubling=gain_of_last_doubling(rgb),
        rgb_converged=has_converged(rgb),
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
    """The gaps of all sets side by side, then the tables of each."""
    parts = [_gap_table(results)]
    for name, measured in results.items():
        parts += [
            f"## {name}: {measured.new_scenes} never-seen scenes, test views\n",
            f"Stage 1: {measured.stage1_scenes} scenes, {measured.stage1_seconds / 60:.0f} minutes, once.\n",
            _curve_table(measured).markdown(),
            f"{_convergence(summarize(measured.curves))}\n",
            _race_table(measured).markdown(),
            Table(["", "PSNR"], [[what, f"{psnr:.2f}"] for what, psnr in measured.chain.items()]).markdown(),
        ]
    return "\n".join(parts)


def _gap_table(results: Mapping[str, SetResults]) -> str:
    """What is lost where, the largest gap of each set in bold."""
    columns = ["what is lost where (dB, at the preset's budget)", *results]
    rows = [
        [title, *(_bold(f"{getattr(each.gaps, gap):+.2f}", gap == each.gaps.largest) for each in results.values())]
        for gap, title in GAP_TITLES.items()
    ]
    sums = [f"{sum(asdict(each.gaps).values()):+.2f}" for each in results.values()]
    return Table(columns, [*rows, ["together: RGB tri-planes at convergence to new scenes", *sums]]).markdown()


def _bold(text: str, bold: bool) -> str:
    return f"**{text}**" if bold else text


def _curve_table(measured: SetResults) -> Table:
    columns = [
        "method",
        "budget",
        "seconds per scene",
        "PSNR",
        "SSIM",
        "fitted views",
        "autoencoder alone",
        "latent error",
    ]
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
    budget = ", ".join(f"{value:g} {_BUDGETS[name]}" for name, value in point.settings.items())
    return [curve.title, budget, *("" if value is None else format(value, form) for value, form in cells)]


def _convergence(summary: Summary) -> str:
    if summary.rgb_last_doubling is None:
        return "RGB tri-planes have one budget: whether they have converged is not known."
    verb = "have converged" if summary.rgb_converged else "have **not** converged"
    limit = f"converged means less than {CONVERGED:g}"
    return (
        f"RGB tri-planes {verb}: the last doubling of their steps gains {summary.rgb_last_doubling:+.2f} dB ({limit})."
    )


def _race_table(measured: SetResults) -> Table:
    ours, rgb = measured.curves["ours"], measured.curves["rgb"]
    columns = ["at equal quality", "PSNR", "seconds, ours", "seconds, RGB", "RGB / ours"]
    rows = [
        [
            race.level,
            f"{race.psnr:.2f}",
            _seconds(race.ours, ours, race.psnr),
            _seconds(race.rgb, rgb, race.psnr),
            "" if race.ratio is None else f"{race.ratio:.1f}",
        ]
        for race in measured.races
    ]
    return Table(columns, rows)


def _seconds(found: float | None, curve: Curve, psnr: float) -> str:
    if found is not None:
        return f"{found:.1f}"
    return "not reached" if curve.best().measured.psnr < psnr else "sooner than its first budget"


def _plot(path: Path, results: Mapping[str, SetResults]) -> None:
    """PSNR and SSIM against seconds per scene, and what is lost where; one row for each set."""
    figure = new_figure(13.5, 3.4 * len(results))
    axes = figure.subplots(len(results), 3, squeeze=False)
    for (psnr, ssim, gaps), (name, measured) in zip(axes, results.items(), strict=True):
        draw_curves(psnr, measured.curves, "psnr")
        draw_curves(ssim, measured.curves, "ssim")
        _draw_gaps(gaps, measured.gaps)
        for axis in (psnr, ssim, gaps):
            axis.set_title(name)
    axes[0, 0].legend(fontsize=7)
    save_figure(figure, path)


def _draw_gaps(axes: Axes, gaps: Gaps) -> None:
    values = [getattr(gaps, gap) for gap in GAP_TITLES]
    colors = ["tab:red" if gap == gaps.largest else "tab:gray" for gap in GAP_TITLES]
    bars = axes.barh([title.replace(" to ", "\nto ") for title in GAP_TITLES.values()], values, color=colors)
    axes.bar_label(bars, fmt="%+.1f", fontsize=7)
    axes.tick_params(axis="y", labelsize=7)
    axes.invert_yaxis()
    axes.margins(x=0.2)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("dB lost")
