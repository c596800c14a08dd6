"""What became of each mesh: drawn whole, drawn without something, cut by the frame, or skipped."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from triptych.text import listed

_NAMED = 4
"""Meshes that one line names."""


@dataclass
class Report:
    """Collects what to report about the meshes of a folder.

    Attributes:
        orientation: what was decided about quarter turns.
        drawn: file of each scene, by its name.
        without: what each scene is drawn without, by its name.
        cut: how many views of a scene the object reaches beyond, by its name.
        skipped: files that are not used, each with the reason.
    """

    orientation: str = ""
    drawn: dict[str, str] = field(default_factory=dict)
    without: dict[str, tuple[str, ...]] = field(default_factory=dict)
    cut: dict[str, int] = field(default_factory=dict)
    skipped: list[dict[str, str]] = field(default_factory=list)

    def record(self) -> dict[str, Any]:
        """For ``dataset.json``: every mesh with its outcome."""
        meshes = {}
        for name, file in self.drawn.items():
            without = list(self.without.get(name, ()))
            meshes[name] = {"file": file, "drawn": "without" if without else "whole"}
            meshes[name] |= {"without": without} if without else {}
            meshes[name] |= {"cut_views": self.cut[name]} if self.cut.get(name) else {}
        return {"orientation": self.orientation, "meshes": meshes, "skipped": self.skipped}

    def lines(self) -> Iterator[str]:
        """For people: each loss once with the meshes that share it, then the counts."""
        sharing: dict[str, list[str]] = defaultdict(list)
        for name, losses in self.without.items():
            for loss in losses:
                sharing[loss].append(self.drawn[name])
        for loss, files in sharing.items():
            yield f"drawn without {loss}: {listed(files, _NAMED)}"
        cut = [self.drawn[name] for name, views in self.cut.items() if views]
        if cut:
            advice = "(try --fit, or a larger --distance)"
            yield f"reaches the edge of its pictures and may be cut {advice}: {listed(cut, _NAMED)}"
        if self.orientation:
            yield f"orientation: {self.orientation}"
        less = sum(map(bool, self.without.values()))
        yield (
            f"meshes: {len(self.drawn) - less} drawn whole, {less} drawn without something, "
            f"{len(self.skipped)} skipped; dataset.json names each"
        )
