"""What to tell about imported objects, each kind of note once."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from triptych.data.notes import FEW_VIEWS
from triptych.data.photos.exposure import NOTABLE
from triptych.data.photos.fronts import Front
from triptych.data.photos.record import Findings
from triptych.text import listed

_NAMED = 4
_COVERED = 0.93
"""Share of its masks that the hull of an object with good poses fills at least."""


@dataclass
class Report:
    """Collects what became of each object.

    Attributes:
        compensated: whether pictures were divided by their gains.
        findings: what was found out about each object, by name.
        fronts: how each is turned.
        skipped: what is not used, each with the reason.
    """

    compensated: bool
    findings: dict[str, Findings] = field(default_factory=dict)
    fronts: Mapping[str, Front] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """For ``dataset.json``: every object with what was found."""
        objects = {name: asdict(found) | self._turn(name) for name, found in self.findings.items()}
        return {"objects": objects, "skipped": self.skipped}

    def lines(self) -> Iterator[str]:
        """For people."""
        yield from self._about(lambda it: it.left_out > 0, "some pictures cut the object and are left out")
        yield from self._about(
            lambda it: it.views < FEW_VIEWS, f"fewer than {FEW_VIEWS} pictures show the object whole"
        )
        yield from self._about(
            lambda it: it.covered < _COVERED,
            f"the hull fills less than {_COVERED:.0%} of the masks: poses or masks do not fit each other",
        )
        yield from self._about(lambda it: it.turns_other_way, "the table seems to turn the other way (--turns)")
        yield from self._about(
            lambda it: it.stored_turned,
            "pixels are taken as they are stored, though an EXIF orientation turns them (mogrify -auto-orient)",
        )
        if not self.compensated:
            advice = "exposure differs between pictures (even it out with --exposure compensate)"
            yield from self._about(lambda it: it.exposure >= NOTABLE, advice)
        unclear = [self._unclear(name, front) for name, front in self.fronts.items() if not front.is_clear]
        if unclear:
            yield f"look at alignment.png, the front is not clear: {listed(unclear, _NAMED)} (--turn NAME=DEGREES)"
        yield f"objects: {len(self.findings)} imported, {len(self.skipped)} skipped; dataset.json names each"

    def _about(self, applies: Callable[[Findings], bool], what: str) -> Iterator[str]:
        names = [name for name, found in self.findings.items() if applies(found)]
        if names:
            yield f"{what}: {listed(names, _NAMED)}"

    def _turn(self, name: str) -> dict[str, float]:
        front = self.fronts[name]
        return {
            "agreement": round(front.agreement, 4),
            "rival_turn": front.rival,
            "rival": round(front.rival_agreement, 4),
        }

    def _unclear(self, name: str, front: Front) -> str:
        return f"{name} ({front.agreement:.3f}, {front.rival_agreement:.3f} turned by {front.rival:g})"
