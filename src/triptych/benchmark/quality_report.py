"""The results of the quality protocol as JSON, as a table and as a plot."""

from itertools import pairwise
from pathlib import Path
from typing import Any

from triptych.evaluation.pictures import new_figure, save_figure, seconds_axis
from triptych.files import write_json, write_text

_NEAR = 1.0
"""A latent scene counts as good as RGB tri-planes when it is at most so many dB below them."""


def write_report(file: Path, results: dict[str, Any]) -> None:
    """Write ``file`` (JSON), and beside it the same name with .md and .png."""
    for measured in results["sets"].values():
        measured["summary"] = summary(measured)
    write_json(file, results)
    write_text(file.with_suffix(".md"), as_table(results))
    _plot(file.with_suffix(".png"), results)


def summary(measured: dict[str, Any]) -> dict[str, float | None]:
    """What the protocol asks of one set: how far latent scenes are from RGB at convergence, and how much faster.

    ``speedup`` compares the time of the shortest latent budget within 1 dB of RGB at convergence with the time of RGB
    there; None where no budget gets so near. ``speedup_at_equal_quality`` compares the best latent budget with the
    time at which RGB reaches the same PSNR, on straight lines between its budgets; None where RGB's shortest budget
    is better already.
    """
    converged = measured["rgb"][-1]
    best = max(measured["latent"], key=lambda row: row["psnr"])
    near = [row["seconds"] for row in measured["latent"] if row["psnr"] >= converged["psnr"] - _NEAR]
    equal = _seconds_to_reach(measured["rgb"], best["psnr"])
    return {
        "psnr_latent": best["psnr"],
        "psnr_rgb": converged["psnr"],
        "psnr_gap": best["psnr"] - converged["psnr"],
        "psnr_plain": measured["plain"][0]["psnr"],
        "speedup": converged["seconds"] / min(near) if near else None,
        "speedup_at_equal_quality": equal / best["seconds"] if equal is not None else None,
    }


def _seconds_to_reach(rows: list[dict[str, Any]], wanted: float) -> float | None:
    """Seconds at which a curve reaches a PSNR, None if it does not or starts above it."""
    for one, other in pairwise(rows):
        if one["psnr"] <= wanted <= other["psnr"]:
            share = (wanted - one["psnr"]) / max(other["psnr"] - one["psnr"], 1e-9)
            return one["seconds"] + share * (other["seconds"] - one["seconds"])
    return None


def as_table(results: dict[str, Any]) -> str:
    """One table a set, as Markdown."""
    lines = []
    for name, measured in results["sets"].items():
        lines += [
            f"## {name}: {measured['new_scenes']} never-seen scenes, test views",
            "",
            f"Stage 1: {measured['stage1_scenes']} scenes, {measured['stage1_seconds'] / 60:.0f} minutes, once.",
            "",
            "| method | seconds a scene | PSNR | SSIM | train views | autoencoder alone | latent error |",
            "|---|---|---|---|---|---|---|",
        ]
        for label, key in (("latent (ours)", "latent"), ("plain latent space", "plain"), ("RGB tri-planes", "rgb")):
            lines += [_row(label, row) for row in measured[key]]
        lines += ["", *(f"- {key}: {_number(value)}" for key, value in measured["summary"].items()), ""]
    return "\n".join(lines)


def _row(label: str, row: dict[str, Any]) -> str:
    optional = (("psnr_train_views", ".2f"), ("psnr_autoencoder", ".2f"), ("latent_error", ".3f"))
    cells = [f"{row['seconds']:.1f}", f"{row['psnr']:.2f}", f"{row['ssim']:.4f}"]
    cells += [format(row[key], form) if key in row else "" for key, form in optional]
    return f"| {label} | " + " | ".join(cells) + " |"


def _number(value: float | None) -> str:
    return "not reached" if value is None else f"{value:.2f}"


def _plot(path: Path, results: dict[str, Any]) -> None:
    """PSNR and SSIM against seconds a scene, one row a set."""
    sets = results["sets"]
    figure = new_figure(9.0, 3.4 * len(sets))
    axes = figure.subplots(len(sets), 2, squeeze=False)
    for row, (name, measured) in zip(axes, sets.items(), strict=True):
        for cell, metric, label in zip(row, ("psnr", "ssim"), ("PSNR (dB)", "SSIM"), strict=True):
            for method, key, style in (
                ("latent (ours)", "latent", "o-"),
                ("plain autoencoder's latent space", "plain", "s"),
                ("RGB tri-planes", "rgb", "^-"),
            ):
                points = measured[key]
                cell.plot(
                    [p["seconds"] for p in points], [p[metric] for p in points], style, label=method, markersize=5
                )
            seconds_axis(cell)
            cell.set(ylabel=f"{label}, test views", title=name)
            cell.grid(alpha=0.3)
    axes[0, 0].legend(fontsize=7)
    save_figure(figure, path)
