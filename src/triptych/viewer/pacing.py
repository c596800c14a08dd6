"""Which frame a browser is due: quick ones while something changes, one sharp one when it rests."""

from dataclasses import dataclass

from triptych.viewer.frames import Quality

REST_SECONDS = 0.25
"""After so long without a change the camera counts as resting."""


@dataclass
class Pace:
    """When to draw for one browser; times are seconds of any one clock.

    However many changes come in while a frame is drawn, the next frame shows the last of them: a slow machine skips
    frames and never falls behind.
    """

    _changed: float | None = None
    _drawn: float | None = None
    _sharp: bool = False
    _goes_on: bool = False

    def change(self, now: float, *, goes_on: bool = False) -> None:
        """Something that the picture depends on is new; what ``goes_on`` to change needs no sharp frame."""
        self._changed, self._sharp, self._goes_on = now, False, goes_on

    def due(self, now: float) -> Quality | None:
        """The frame to draw now, if any."""
        if self._changed is None:
            return None
        if self._drawn is None or self._drawn < self._changed:
            return "moving"
        if not self._sharp and not self._goes_on and now - self._changed >= REST_SECONDS:
            return "still"
        return None

    def begin(self, quality: Quality, now: float) -> None:
        """A frame is begun: it shows all changes so far."""
        self._drawn = now
        self._sharp = quality == "still"

    def wait(self, now: float) -> float | None:
        """Seconds until a frame may be due though nothing changes; None if none will be."""
        if self._changed is None or self._sharp or self._goes_on:
            return None
        return max(0.0, self._changed + REST_SECONDS - now)
