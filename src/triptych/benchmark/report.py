"""Measurements as a table to read and a picture to look at."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes

from triptych.benchmark.renderer import PARTS
from triptych.benchmark.sizes import Sizes
from triptych.evaluation.pictures import figure_bytes, new_figure
from triptych.files import write_atomically

_LABELS = {
    "side": "rays along each side of a view",
    "samples": "samples per ray",
    "resolution": "texels along each side of a plane, K",
    "features": "features, F",
    "bases": "base planes, M (warm-up step)",
    "scenes": "scenes, N (warm-up step)",
}


def as_table(numbers: dict[str, Any]) -> str:
    """All numbers as lines of text."""
    times, growth = numbers["seconds"], numbers["growth"]
    lines = [numbers["versions"]["device"]]

    def add(label: str, value: str) -> None:
        lines.append(f"{label:<62}{value:>14}")

    def compare(label: str, of: dict[str, float], slow: str, fast: str) -> None:
        add(f"{label}: {slow} {time_text(of[slow])}, {fast} {time_text(of[fast])}", f"{of[slow] / of[fast]:.1f}x")

    for part in PARTS:
        compare("renderer", times["renderer"], f"reference {part}", f"fused {part}")
    for part in ("warm-up", "joint", "stage-2"):
        compare("whole step", times["steps"], f"reference {part} step", f"fused {part} step")
    for fast in ("fused", "fused, skipping"):
        compare("trained scenes", times["trained scenes"], "reference", fast)
    add("trained scenes: change of test PSNR by skipping", f"{numbers['skipping_psnr_change']:+.3f} dB")
    for kind in ("", ", skipping"):
        compare("one view", times["views"], f"RGB render{kind}", f"latent render + decode{kind}")
    add(
        "one view: render latents, decode",
        f"{time_text(times['views']['latent render'])}, {time_text(times['views']['decode'])}",
    )
    scenes = growth["scenes"]
    few, many = min(scenes), max(scenes)
    add(
        f"warm-up step: {few} scenes {time_text(scenes[few])}, {many} scenes {time_text(scenes[many])}",
        f"{scenes[many] / scenes[few]:.2f}x",
    )
    if numbers["growth_with_scenes_resolution"] != numbers["sizes"]["resolution"]:
        add("that was with smaller planes, to fit into memory: K", str(numbers["growth_with_scenes_resolution"]))
    add("warm-up step: peak memory above the parameters", megabytes_text(numbers["peak_extra_mb"]))
    return "\n".join(lines)


def write_plot(numbers: dict[str, Any], file: Path) -> None:
    """A PNG: how the fused renderer's cost grows with each size, and both backends side by side."""
    figure = new_figure(15.0, 7.0)
    axes = figure.subplots(2, 4).flatten()
    for axis, (name, label) in zip(axes, _LABELS.items(), strict=False):
        measured = numbers["growth"][name]
        axis.plot(list(measured), list(measured.values()), "o-")
        axis.set(xlabel=label, ylabel="seconds", xscale="log", ylim=(0, 1.15 * max(measured.values())))
        axis.set_xticks(list(measured), [f"{value:,}" for value in measured])
        axis.minorticks_off()
    _plot_backends(axes[6], numbers["seconds"]["renderer"] | numbers["seconds"]["steps"])
    _plot_views(axes[7], numbers["seconds"]["views"], Sizes(**numbers["sizes"]).picture)
    figure.suptitle(f"triptych bench on {numbers['versions']['device']}: medians of calls in turn")
    write_atomically(file, lambda stream: stream.write(figure_bytes(figure)))


def _plot_backends(axis: Axes, seconds: dict[str, float]) -> None:
    parts = ("forward", "forward + backward", "warm-up step", "joint step", "stage-2 step")
    for shift, backend in ((-0.2, "reference"), (0.2, "fused")):
        places = [place + shift for place in range(len(parts))]
        axis.barh(places, [seconds[f"{backend} {part}"] for part in parts], height=0.4, label=backend)
    axis.set_yticks(range(len(parts)), parts)
    axis.invert_yaxis()
    axis.set(xlabel="seconds", xscale="log")
    _legend_above(axis)


def _plot_views(axis: Axes, seconds: dict[str, float], side: int) -> None:
    for place, kind in enumerate(("", ", skipping")):
        rgb, render = seconds[f"RGB render{kind}"], seconds[f"latent render{kind}"]
        decode = seconds[f"latent render + decode{kind}"] - render
        first = place == 0
        axis.barh(place - 0.2, 1000 * rgb, 0.4, color="tab:gray", label="RGB render" if first else None)
        axis.barh(place + 0.2, 1000 * render, 0.4, color="tab:blue", label="latent render" if first else None)
        axis.barh(
            place + 0.2, 1000 * decode, 0.4, left=1000 * render, color="tab:cyan", label="decode" if first else None
        )
    axis.set_yticks([0, 1], ["all samples", "skipping"], rotation=90, va="center")
    axis.invert_yaxis()
    axis.set(xlabel=f"milliseconds for one view of {side}x{side}")
    _legend_above(axis)


def _legend_above(axis: Axes) -> None:
    axis.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False, columnspacing=1.0)


def time_text(seconds: float) -> str:
    """A time as seconds or milliseconds."""
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def megabytes_text(megabytes: float | None) -> str:
    """An amount of memory, which may not be known."""
    return "not measured" if megabytes is None else f"{megabytes:.0f} MB"
