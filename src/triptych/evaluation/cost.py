"""What learning N scenes costs: an entry cost paid once, and a cost of each scene.

    t_eff = t_EC / N + t_scene        m_eff = m_EC / N + m_scene

(slides of Schnepf, Kassab et al. 2024, Table 1; Figure 7 shows the totals N · t_eff and N · m_eff).
"""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Costs in one unit, seconds or bytes.

    Attributes:
        entry: paid once, before the first scene.
        scene: paid for every scene.
    """

    entry: float
    scene: float

    def effective(self, scenes: int | float) -> float:
        """Cost a scene when so many share the entry cost."""
        return self.entry / scenes + self.scene

    def total(self, scenes: int | float) -> float:
        """Cost of so many scenes."""
        return self.entry + scenes * self.scene


def saved(ours: float, theirs: float) -> float:
    """Share of their cost that ours saves, in [-inf, 1]."""
    return 1 - ours / theirs


def break_even(ours: Cost, theirs: Cost) -> int | None:
    """The smallest number of scenes for which ours costs less in total; None if it never does."""
    gain = theirs.scene - ours.scene
    if ours.entry < theirs.entry and gain >= 0:
        return 1
    if gain <= 0:
        return None
    return max(math.floor((ours.entry - theirs.entry) / gain) + 1, 1)
