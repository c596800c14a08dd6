"""Tables 1 and 2 of the slides: our numbers, and the published ones in columns beside them."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from triptych.evaluation.cost import Cost, break_even, saved
from triptych.reproduce.published import TABLE_1, TABLE_2

Results = Mapping[str, Mapping[str, Any]]
"""What was measured, by experiment; see ``measuring.measure``."""


@dataclass(frozen=True)
class Table:
    """Text in columns.

    Attributes:
        columns: their heads.
        rows: cells.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As Markdown."""
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"

    def csv(self) -> str:
        """As comma-separated values."""
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerows([self.columns, *self.rows])
        return buffer.getvalue()


def time_cost(measured: Mapping[str, Any]) -> Cost:
    """Seconds: the train phase once, then those of each scene."""
    return Cost(measured["t_entry"], measured["t_scene"])


def memory_cost(measured: Mapping[str, Any]) -> Cost:
    """Bytes: encoder, decoder, base planes and tiny MLP once, then what belongs to each scene."""
    return Cost(float(sum(measured["m_entry"].values())), measured["m_scene"])


def quality_table(results: Results, titles: Mapping[str, str]) -> Table:
    """Table 2: PSNR and SSIM on test views of train scenes and of exploit scenes."""
    columns = ["experiment", "PSNR train", "PSNR exploit", "SSIM train", "SSIM exploit", "published train", "exploit"]
    rows = []
    for name, measured in results.items():
        cells = [f"{measured[part]['psnr']:.2f}" for part in ("train", "exploit")]
        cells += [f"{measured[part]['ssim']:.4f}" for part in ("train", "exploit")]
        cells += [f"{value:.2f}" for value in TABLE_2[name]] if name in TABLE_2 else ["", ""]
        rows.append([titles[name], *cells])
    return Table(columns, rows)


def cost_table(results: Results, titles: Mapping[str, str], scenes: int) -> Table:
    """Table 1: seconds and bytes a scene, alone and with the share of the entry cost, and rendering."""
    rows = []
    for name in ("rgb", "ours"):
        measured, theirs = results[name], TABLE_1[name]
        seconds, size = time_cost(measured), memory_cost(measured)
        rows.append(
            [
                titles[name],
                f"{seconds.scene:.2f} s",
                f"{seconds.effective(scenes):.2f} s",
                f"{size.scene / 1e6:.3f} MB",
                f"{size.effective(scenes) / 1e6:.3f} MB",
                f"{measured['t_render'] * 1e3:.1f} ms",
                f"{(measured['t_render'] - measured['t_decode']) * 1e3:.1f} + {measured['t_decode'] * 1e3:.1f} ms",
                f"{theirs['t_scene'] / 60:g} / {theirs['t_eff'] / 60:g} min",
                f"{theirs['m_scene'] / 1e6:g} / {theirs['m_eff'] / 1e6:g} MB",
                f"{theirs['t_render'] * 1e3:g} ms",
            ]
        )
    rgb, ours = results["rgb"], results["ours"]
    shares = [
        saved(cost(ours).effective(count), cost(rgb).effective(count))
        for cost in (time_cost, memory_cost)
        for count in (float("inf"), scenes)
    ]
    published = {key: f"{saved(TABLE_1['ours'][key], TABLE_1['rgb'][key]):.0%}" for key in TABLE_1["ours"]}
    published_shares = [f"{published[f'{unit}_scene']} / {published[f'{unit}_eff']}" for unit in "tm"]
    faster = f"{saved(ours['t_render'], rgb['t_render']):.0%}"
    rows.append(["saved", *(f"{share:.0%}" for share in shares), faster, "", *published_shares, published["t_render"]])
    columns = ["", "t_scene", f"t_eff, N = {scenes}", "m_scene", f"m_eff, N = {scenes}", "one view", "render + decode"]
    return Table([*columns, "published t_scene / t_eff", "m_scene / m_eff", "one view "], rows)


def shared_table(measured: Mapping[str, Any]) -> Table:
    """The sizes of what all scenes share, m_EC."""
    parts = measured["m_entry"]
    rows = [[part, f"{size / 1e6:.3f} MB"] for part, size in parts.items()]
    return Table(["shared part", "size"], [*rows, ["together", f"{sum(parts.values()) / 1e6:.3f} MB"]])


def break_even_numbers(results: Results) -> dict[str, int | None]:
    """From how many scenes on ours costs less than RGB tri-planes in total, in time and in memory."""
    rgb, ours = results["rgb"], results["ours"]
    return {
        "time": break_even(time_cost(ours), time_cost(rgb)),
        "memory": break_even(memory_cost(ours), memory_cost(rgb)),
    }
