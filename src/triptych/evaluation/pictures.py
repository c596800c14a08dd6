"""Pictures that compare ground truth and renderings side by side, with labels."""

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from torch import Tensor

from triptych.bank import ComparedViews
from triptych.files import write_atomically
from triptych.pictures import channel_range, latent_colors
from triptych.text import one_line


@dataclass(frozen=True)
class Comparison:
    """One test view of one scene, on the CPU.

    Attributes:
        name: the scene.
        target: the picture.
        rendered: the rendering, clamped.
        target_latent: latent of the picture.
        rendered_latent: latent rendered from the tri-planes.
        opacity: share of light stopped.
        depth: mean depth in world units.
    """

    name: str
    target: Float[Tensor, "3 height width"]
    rendered: Float[Tensor, "3 height width"]
    target_latent: Float[Tensor, "channel latent_height latent_width"]
    rendered_latent: Float[Tensor, "channel latent_height latent_width"]
    opacity: Float[Tensor, "latent_height latent_width"]
    depth: Float[Tensor, "latent_height latent_width"]

    @classmethod
    def of_first_view(
        cls, name: str, views: ComparedViews, encoded: Float[Tensor, "view channel latent_height latent_width"]
    ) -> "Comparison":
        """The first of several views, and what their pictures are encoded to."""
        seen = views.rendered
        tensors = (views.target, seen.images.clamp(0, 1), encoded, seen.latents, seen.opacity, seen.depth)
        return cls(name, *(tensor[0].cpu() for tensor in tensors))


ChannelRange = tuple[Float[Tensor, " channel"], Float[Tensor, " channel"]]
"""The values of each latent channel that are shown darkest and brightest, as ``channel_range`` finds them."""


def range_of(comparisons: Sequence[Comparison]) -> ChannelRange:
    """The range in which the latents of all these scenes can be shown alike."""
    return channel_range(torch.stack([comparison.target_latent for comparison in comparisons]))


def write_comparison(path: Path, comparisons: Sequence[Comparison], latent_range: ChannelRange | None = None) -> None:
    """One row per scene: ground truth, ours, error, encoded and rendered latent (three channels as RGB), depth; no
    latents where they are pictures.

    Args:
        path: the PNG.
        comparisons: of one category model.
        latent_range: range of the latents' colors, the same in all rows; by default that of the scenes' latents.
    """
    in_latents = not all(torch.equal(comparison.target_latent, comparison.target) for comparison in comparisons)
    latents = ("latent of the image", "rendered latent") if in_latents else ()
    titles = ("ground truth", "ours", "absolute error x4", *latents, "depth")
    figure = new_figure(1.7 * len(titles), 1.75 * len(comparisons) + 0.3)
    axes = figure.subplots(len(comparisons), len(titles), squeeze=False)
    low, high = latent_range or range_of(comparisons)
    for row, comparison in zip(axes, comparisons, strict=True):
        both = torch.stack([comparison.target_latent, comparison.rendered_latent])
        error = (comparison.target - comparison.rendered).abs().mul(4).clamp(0, 1)
        images = (comparison.target, comparison.rendered, error, *latent_colors(both, low, high))
        for cell, image in zip(row[:-1], images, strict=False):
            cell.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
        depth = torch.where(comparison.opacity > 0.5, comparison.depth, torch.nan)
        row[-1].imshow(np.ma.masked_invalid(depth.numpy()), cmap="viridis_r", interpolation="nearest")
    _label(axes, titles, [comparison.name for comparison in comparisons])
    save_figure(figure, path)


def write_rows(
    path: Path, rows: Mapping[str, Sequence[Float[Tensor, "3 height width"]]], titles: Sequence[str]
) -> None:
    """Pictures side by side as a PNG: a row per scene, by its name, and a title above each column."""
    figure = new_figure(1.7 * len(titles), 1.75 * len(rows) + 0.3)
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    for row, images in zip(axes, rows.values(), strict=True):
        for cell, image in zip(row, images, strict=True):
            cell.imshow(image.permute(1, 2, 0).numpy(), interpolation="nearest")
    _label(axes, titles, list(rows))
    save_figure(figure, path)


def _label(axes: np.ndarray, titles: Sequence[str], names: Sequence[str]) -> None:
    for cell, title in zip(axes[0], titles, strict=True):
        cell.set_title(title, fontsize=8)
    for row, name in zip(axes, names, strict=True):
        row[0].set_ylabel(_shortened(one_line(name)), fontsize=7, parse_math=False)
    for cell in axes.flat:
        cell.set_xticks([])
        cell.set_yticks([])


def _shortened(name: str, most: int = 28) -> str:
    return name if len(name) <= most else f"…{name[1 - most :]}"


def new_figure(width: float, height: float) -> Figure:
    """An empty figure in inches, free of matplotlib's global state."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def seconds_axis(axes: Axes, label: str = "seconds a scene") -> None:
    """Make a logarithmic x axis of seconds, with plain numbers that do not run into each other."""
    axes.set(xscale="log", xlabel=label)
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def figure_bytes(figure: Figure) -> bytes:
    """A figure as PNG."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)
        figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically."""
    write_atomically(path, lambda file: file.write(figure_bytes(figure)))
