"""One self-contained HTML page: pictures, curves, tables and a video, all inside the file."""

import base64
import html
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from triptych.evaluation.pictures import figure_bytes, new_figure
from triptych.files import write_text
from triptych.text import one_line

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
h1, h2 { line-height: 1.2; } h2 { margin-top: 2.5rem; }
img, video { max-width: 100%; border: 1px solid #ddd; }
table { border-collapse: collapse; } td, th { padding: .3rem .9rem; border-bottom: 1px solid #ddd; text-align: right; }
td:first-child, th:first-child { text-align: left; } figcaption { color: #555; } figure { margin: 1rem 0; }
"""


@dataclass
class Report:
    """A page that is put together part by part."""

    title: str
    _parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{_escaped(text)}</h2>")

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{_escaped(text)}</p>")

    def picture(self, png: Path | bytes, caption: str) -> None:
        """A PNG from a file or from memory, inside the page."""
        data = png if isinstance(png, bytes) else png.read_bytes()
        source = f"data:image/png;base64,{base64.b64encode(data).decode()}"
        words = _escaped(caption)
        self._parts.append(f'<figure><img alt="{words}" src="{source}"><figcaption>{words}</figcaption></figure>')

    def video(self, mp4: Path, caption: str) -> None:
        """An mp4, inside the page."""
        source = f"data:video/mp4;base64,{base64.b64encode(mp4.read_bytes()).decode()}"
        self._parts.append(
            f'<figure><video src="{source}" autoplay loop muted controls></video>'
            f"<figcaption>{_escaped(caption)}</figcaption></figure>"
        )

    def table(self, columns: list[str], rows: list[list[str]]) -> None:
        """A table of text."""

        def line(tag: str, cells: list[str]) -> str:
            return "<tr>" + "".join(f"<{tag}>{_escaped(cell)}</{tag}>" for cell in cells) + "</tr>"

        self._parts.append("<table>" + line("th", columns) + "".join(line("td", row) for row in rows) + "</table>")

    def write(self, path: Path) -> None:
        """Write the page, atomically."""
        title = _escaped(self.title)
        body = "\n".join(self._parts)
        write_text(
            path,
            f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
            f"<style>{_STYLE}</style></head><body><h1>{title}</h1>\n{body}\n</body></html>\n",
        )


def _escaped(text: str) -> str:
    return html.escape(one_line(text))


def training_curves(log: list[dict[str, Any]]) -> bytes:
    """Losses and test PSNR of a stage-1 log against its wall time, as PNG; phases are shaded in turn."""
    figure = new_figure(10.0, 3.4)
    losses, quality = figure.subplots(1, 2)
    for term, label in (("ae", "L_ae"), ("enc", "L_Enc"), ("dec", "L_Dec")):
        points = [(line["seconds"], line[term]) for line in log if line.get(term)]
        if points:
            losses.plot(*zip(*points, strict=True), label=label, linewidth=1)
    losses.set(xlabel="seconds of stage 1", ylabel="mean squared error", yscale="log", title="losses")
    losses.legend()
    points = [(line["seconds"], line["test_psnr"]) for line in log if "test_psnr" in line]
    if points:
        quality.plot(*zip(*points, strict=True), marker=".", color="black", linewidth=1)
    quality.set(xlabel="seconds of stage 1", ylabel="PSNR (dB)", title="stage-1 scenes, views never trained on")
    for axes in (losses, quality):
        _shade_phases(axes, log)
        axes.grid(alpha=0.3)
    return figure_bytes(figure)


def _shade_phases(axes: Any, log: list[dict[str, Any]]) -> None:
    phases = dict.fromkeys(line["phase"] for line in log if line["phase"] != "done")
    for number, phase in enumerate(phases):
        times = [line["seconds"] for line in log if line["phase"] == phase]
        axes.axvspan(times[0], times[-1], alpha=0.06 if number % 2 else 0.14, color="tab:blue")
        axes.annotate(phase, (times[0], 0.0), xycoords=("data", "axes fraction"), fontsize=7, rotation=90, va="bottom")
