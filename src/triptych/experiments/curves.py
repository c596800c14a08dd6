"""Quality against time: what a method reaches at several budgets of time for each scene."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from matplotlib.axes import Axes

from triptych.evaluation.pictures import seconds_axis
from triptych.experiments.measured import Measured

_LABELS = {"psnr": "PSNR (dB)", "ssim": "SSIM"}


@dataclass(frozen=True)
class Point:
    """One budget.

    Attributes:
        settings: what sets it apart from the others.
        measured: means over the scenes.
    """

    settings: Mapping[str, int | float]
    measured: Measured

    def as_json(self) -> dict[str, int | float]:
        """Settings and measurements by name."""
        return {**self.settings, **self.measured.as_json()}

    @property
    def seconds(self) -> float:
        """Seconds for each scene."""
        assert self.measured.seconds is not None, "scenes that are fitted have their seconds"
        return self.measured.seconds


@dataclass(frozen=True)
class Curve:
    """One method at several budgets, from the smallest on.

    Attributes:
        title: the method's name in tables and figures.
        points: its budgets, at least one.
    """

    title: str
    points: tuple[Point, ...]

    def best(self) -> Point:
        """The point of the highest PSNR."""
        return max(self.points, key=lambda point: point.measured.psnr)

    def seconds_to_reach(self, psnr: float) -> float | None:
        """Seconds per scene at which the curve reaches a PSNR, on straight lines over the logarithm of time between the
        points that are better than all faster ones; None if it does not, or is better from the start."""
        for one, other in pairwise(self._improving()):
            low, high = one.measured.psnr, other.measured.psnr
            if low <= psnr <= high:
                return one.seconds * (other.seconds / one.seconds) ** ((psnr - low) / (high - low))
        return None

    def _improving(self) -> list[Point]:
        """The points that are better than all faster ones, the fastest first."""
        found: list[Point] = []
        for point in sorted(self.points, key=lambda point: point.seconds):
            if not found or point.measured.psnr > found[-1].measured.psnr:
                found.append(point)
        return found


def draw_curves(axes: Axes, curves: Mapping[str, Curve], metric: Literal["psnr", "ssim"] = "psnr") -> None:
    """Draw a metric on test views against the seconds for each scene; curves of one name look alike in all figures.

    Args:
        axes: where.
        curves: by name: ``ours`` (latent scenes), ``plain`` (in a latent space that is not 3D-aware), ``rgb``, or any
            other.
        metric: which.
    """
    for name, curve in curves.items():
        color, marker = _STYLES.get(name, (None, "v"))
        values = [getattr(point.measured, metric) for point in curve.points]
        seconds = [point.seconds for point in curve.points]
        axes.plot(seconds, values, f"{marker}-", color=color, label=curve.title, markersize=5)
    seconds_axis(axes, "seconds per scene")
    axes.set_ylabel(f"{_LABELS[metric]}, test views")
    axes.grid(alpha=0.3)


_STYLES = {"ours": ("tab:blue", "o"), "plain": ("tab:green", "s"), "rgb": ("tab:orange", "^")}
