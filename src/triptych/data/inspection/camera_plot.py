"""A picture of where the cameras stand around the scene box."""

import itertools
from io import BytesIO
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mpl_toolkits.mplot3d.art3d import Line3DCollection

from triptych.files import write_atomically
from triptych.geometry import Cameras

_MOST_CAMERAS = 400
_COLORS = {"train": "tab:blue", "test": "tab:orange"}


def write_camera_plot(
    cameras: Cameras, is_test: Bool[np.ndarray, " view"], aabb: Float[np.ndarray, "2 3"], file: Path
) -> None:
    """Draw cameras as points with a short line along each optical axis, and the scene box; write a PNG.

    Args:
        cameras: the cameras; of more than 400, as many are drawn, evenly through them.
        is_test: which views are held out.
        aabb: lower and upper corner of the scene box.
        file: where to write.
    """
    shown = np.linspace(0, len(cameras) - 1, min(len(cameras), _MOST_CAMERAS)).astype(int)
    c2w = cameras.c2w.double().cpu().numpy()[shown]
    eyes, forward = c2w[:, :, 3], c2w[:, :, 2]
    length = 0.2 * np.median(np.linalg.norm(eyes - aabb.mean(axis=0), axis=1))
    figure = Figure(figsize=(7, 7))
    FigureCanvasAgg(figure)
    axes = figure.add_subplot(projection="3d")
    for use, chosen in (("train", ~is_test[shown]), ("test", is_test[shown])):
        if chosen.any():
            label = f"{use} views ({int((is_test == (use == 'test')).sum())})"
            axes.scatter(*eyes[chosen].T, s=10, color=_COLORS[use], label=label, depthshade=False)
            lines = np.stack([eyes[chosen], eyes[chosen] + length * forward[chosen]], axis=1)
            axes.add_collection3d(Line3DCollection(lines, colors=_COLORS[use], linewidths=0.6))
    axes.add_collection3d(Line3DCollection(_box_edges(aabb), colors="black", linewidths=1.2, label="scene box"))
    lower, upper = (extreme(np.concatenate([eyes, aabb]), axis=0) for extreme in (np.min, np.max))
    axes.set(xlim=(lower[0], upper[0]), ylim=(lower[1], upper[1]), zlim=(lower[2], upper[2]))
    axes.set_box_aspect(upper - lower)  # sides in proportion to the limits: one scale for the three axes
    figure.subplots_adjust(left=0, right=0.93, bottom=0, top=1)
    axes.set(xlabel="x (world units)", ylabel="y (world units)", zlabel="z, up (world units)")
    axes.legend(loc="upper left")
    picture = BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    write_atomically(file, lambda output: output.write(picture.getvalue()))


def _box_edges(aabb: Float[np.ndarray, "2 3"]) -> Float[np.ndarray, "edge 2 3"]:
    corners = [np.array(corner) for corner in itertools.product(*aabb.T)]
    pairs = itertools.combinations(corners, 2)
    return np.array([pair for pair in pairs if (pair[0] != pair[1]).sum() == 1])
