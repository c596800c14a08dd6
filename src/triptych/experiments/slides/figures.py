"""Figures 3, 6, 7 and 8 of the slides, and the two videos of latent scenes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from torch import Tensor

from triptych.bank import Scene
from triptych.evaluation.cost import Cost, break_even
from triptych.evaluation.pictures import new_figure, save_figure
from triptych.experiments.curves import Curve, draw_curves
from triptych.experiments.slides.tables import Results
from triptych.files import write_atomically
from triptych.geometry import Cameras, Orbit
from triptych.pictures import as_pixels, channel_range, enlarge, latent_colors

_MOST_SCENES = 10**6
_COLORS = {"rgb": "tab:orange", "ours": "tab:blue"}
_ROW_LABELS = ("encoded", "rendered")
VIDEO_FRAMES = 60


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG and, beside it, as SVG."""
    save_figure(figure, path)
    write_atomically(path.with_suffix(".svg"), lambda file: figure.savefig(file, format="svg"))


def latent_figure(image: Float[Tensor, "3 height width"], camera: Cameras, scenes: Mapping[str, Scene]) -> Figure:
    """Figure 3: the latent of a test view channel by channel, as the encoder and as the tri-planes give it.

    All latents have one color scale: normalized channels are alike in size.

    Args:
        image: a test view in [0, 1].
        camera: its camera, one view.
        scenes: the scene in each latent space, by title.
    """
    channels = max(scene.model.autoencoder.channels for scene in scenes.values())
    figure = new_figure(1.2 * (channels + 1), 1.3 * 2 * len(scenes) + 0.3)
    axes = figure.subplots(2 * len(scenes), channels + 1, squeeze=False)
    with torch.no_grad():
        all_encoded = [scene.model.encode(image[None].to(scene.micro.device)) for scene in scenes.values()]
    ranges = [channel_range(encoded) for encoded in all_encoded]
    scale = Normalize(min(float(low.min()) for low, _ in ranges), max(float(high.max()) for _, high in ranges))
    for number, ((title, scene), encoded) in enumerate(zip(scenes.items(), all_encoded, strict=True)):
        views = scene.render(camera)
        for row, label, latents, picture in zip(
            axes[2 * number : 2 * number + 2],
            _ROW_LABELS,
            (encoded[0], views.latents[0]),
            (image, views.images[0].clamp(0, 1)),
            strict=True,
        ):
            row[0].imshow(picture.permute(1, 2, 0).cpu().numpy())
            row[0].set_ylabel(f"{title}\n{label}", fontsize=6)
            for channel, latent in enumerate(latents.cpu().numpy()):
                row[channel + 1].imshow(latent, norm=scale, cmap="viridis")
    axes[0, 0].set_title("picture, decoded", fontsize=6)
    for channel in range(channels):
        axes[0, channel + 1].set_title(f"channel {channel + 1}", fontsize=6)
    _without_ticks(figure)
    figure.colorbar(ScalarMappable(scale, "viridis"), ax=axes, shrink=0.6).ax.tick_params(labelsize=6)
    return figure


def quality_against_time(curves: Mapping[str, Curve]) -> Figure:
    """Figure 6: mean test PSNR of exploit scenes against the seconds that each takes."""
    figure = new_figure(5.5, 3.8)
    axes = figure.subplots()
    draw_curves(axes, curves)
    axes.legend()
    return figure


def cost_against_scenes(results: Results, measured_at: int) -> Figure:
    """Figure 7: total time and memory against the number of scenes, entry costs included.

    Solid up to the number of scenes that was fitted, which a point marks; dashed beyond. A line marks where ours
    begins to cost less.
    """
    figure = new_figure(9.5, 3.8)
    time_axes, memory_axes = figure.subplots(1, 2)
    compared = {results[name].title: (_COLORS[name], results[name].costs) for name in ("rgb", "ours")}
    times = {title: (color, costs.time) for title, (color, costs) in compared.items()}
    sizes = {title: (color, costs.memory) for title, (color, costs) in compared.items()}
    _cost_curves(time_axes, times, measured_at, 3600.0)
    _cost_curves(memory_axes, sizes, measured_at, 1e9)
    time_axes.set_ylabel("total hours")
    memory_axes.set_ylabel("total GB")
    return figure


def _cost_curves(axes: Axes, costs: Mapping[str, tuple[str, Cost]], measured_at: int, unit: float) -> None:
    """Costs of RGB tri-planes and of ours, in this order, by title and with their colors."""
    counts = sorted({*np.logspace(0, np.log10(_MOST_SCENES), 200).astype(int).tolist(), measured_at})
    known, beyond = [n for n in counts if n <= measured_at], [n for n in counts if n >= measured_at]
    for title, (color, cost) in costs.items():
        axes.plot(known, [cost.total(n) / unit for n in known], color=color, label=title)
        axes.plot(beyond, [cost.total(n) / unit for n in beyond], color=color, linestyle="--")
        axes.plot([measured_at], [cost.total(measured_at) / unit], "o", color=color)
    (_, rgb), (_, ours) = costs.values()
    even = break_even(ours, rgb)
    if even is not None:
        axes.axvline(even, color="grey", linewidth=1, linestyle=":")
        axes.annotate(f" N = {even}", (even, 0.03), xycoords=("data", "axes fraction"), fontsize=8)
    axes.set(xscale="log", yscale="log", xlabel="number of scenes N")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def comparison_figure(
    target: Sequence[Float[Tensor, "3 height width"]],
    rendered: Mapping[str, Sequence[Float[Tensor, "3 height width"]]],
) -> Figure:
    """Figure 8: test views of exploit scenes, one a row; ground truth, then each method."""
    columns = {"ground truth": target, **rendered}
    figure = new_figure(1.5 * len(columns), 1.5 * len(target) + 0.3)
    axes = figure.subplots(len(target), len(columns), squeeze=False)
    for column, (title, images) in zip(axes.T, columns.items(), strict=True):
        column[0].set_title(title, fontsize=7)
        for cell, image in zip(column, images, strict=True):
            cell.imshow(image.clamp(0, 1).permute(1, 2, 0).cpu().numpy())
    return _without_ticks(figure)


def latent_video_frames(scene: Scene) -> Iterator[UInt8[np.ndarray, "height width 3"]]:
    """An orbit: three channels of the rendered latents as colors, and beside them what the decoder makes of them."""
    cameras = scene.along(Orbit(VIDEO_FRAMES))
    low, high = None, None
    for frame in range(VIDEO_FRAMES):
        views = scene.render(cameras[frame : frame + 1])
        if low is None or high is None:
            low, high = channel_range(views.latents)
        latents = enlarge(latent_colors(views.latents, low, high), cameras.height, cameras.width)
        yield np.concatenate([as_pixels(latents)[0], as_pixels(views.images)[0]], axis=1)


def _without_ticks(figure: Figure) -> Figure:
    for axes in figure.axes:
        axes.set_xticks([])
        axes.set_yticks([])
    return figure
