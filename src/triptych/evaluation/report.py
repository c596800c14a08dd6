"""One self-contained HTML page: pictures, curves, tables and a video, all inside the file.

It suits phones, dark rooms, keyboards and screen readers; how it looks stands in ``report.html.j2``.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2

from triptych.evaluation.pictures import figure_bytes, new_figure
from triptych.files import write_text
from triptych.text import one_line

_TEMPLATE = "report.html.j2"
_NAME_WIDTH = 0.035
"""Of an upright name of a phase, as a share of the axis."""


@dataclass
class Report:
    """A page that is put together part by part; all texts stand there letter by letter, whatever they contain."""

    title: str
    _parts: list[dict[str, Any]] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._add("heading", text=text)

    def text(self, text: str) -> None:
        """A paragraph."""
        self._add("text", text=text)

    def picture(self, png: Path | bytes, caption: str, shows: str) -> None:
        """A PNG from a file or from memory, inside the page.

        Args:
            png: its file, or its contents.
            caption: what stands below it.
            shows: what is seen there, for those who cannot see it.
        """
        data = png if isinstance(png, bytes) else png.read_bytes()
        self._add("picture", source=_inside("image/png", data), caption=caption, shows=shows)

    def video(self, mp4: Path, caption: str) -> None:
        """An mp4, inside the page."""
        self._add("video", source=_inside("video/mp4", mp4.read_bytes()), caption=caption)

    def table(
        self, columns: Sequence[str], rows: Sequence[Sequence[str]], caption: str, last: Sequence[str] = ()
    ) -> None:
        """A table of text.

        Args:
            columns: its head.
            rows: cells; the first of each row names it.
            caption: what stands above it.
            last: a row that sums up the others.
        """
        self._add("table", columns=columns, rows=rows, caption=caption, last=last)

    def command(self, text: str, command: str) -> None:
        """A line for the terminal, and what it is for."""
        self._add("command", text=text, command=command)

    def write(self, path: Path) -> None:
        """Write the page, atomically."""
        write_text(path, _template().render(title=self.title, parts=self._parts))

    def _add(self, kind: str, **values: object) -> None:
        self._parts.append({"kind": kind, **values})


def _inside(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: one_line(value) if type(value) is str else value,
        trim_blocks=True,
    )
    return environment.get_template(_TEMPLATE)


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
    room, free_from = _NAME_WIDTH * max((line["seconds"] for line in log), default=0.0), 0.0
    for number, phase in enumerate(phases):
        times = [line["seconds"] for line in log if line["phase"] == phase]
        axes.axvspan(times[0], times[-1], alpha=0.06 if number % 2 else 0.14, color="tab:blue")
        place = max(times[0], free_from)  # the names of short phases stand side by side, not on each other
        axes.annotate(phase, (place, 0.0), xycoords=("data", "axes fraction"), fontsize=7, rotation=90, va="bottom")
        free_from = place + room
