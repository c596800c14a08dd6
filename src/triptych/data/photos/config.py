"""The options of importing photographs."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from triptych.options import Options, Range

MaskKind = Literal["auto", "given", "plain", "difference", "rembg"]
"""Where masks come from; see ``cutouts``."""
Up = Literal["level", "mean", "plane", "keep"]
"""What tells which way is up; see ``upright``."""


@dataclass(frozen=True)
class PhotosConfig(Options):
    """How photographs become a dataset."""

    size: Annotated[int, Range(16, 1024)] = 128
    """Side of the square pictures in pixels."""
    masks: MaskKind = "auto"
    """What cuts the object out. `given`: alpha, mask_path, or a folder masks/. `plain`: pictures are taken before one
    color. `difference`: from background.png, a picture without the object by the same camera. `rembg`: a network
    (pip install "triptych[photos]"). `auto`: the first of these that there is."""
    threshold: Annotated[int, Range(1, 254)] = 24
    """By how much a channel (0 to 255) differs from the background where the object is (`plain`, `difference`)."""
    exposure: Literal["note", "compensate"] = "note"
    """What to do about pictures of different exposure: say so, or divide each by one gain."""
    up: Up = "level"
    """What tells which way is up. `level`: photographers hold cameras level. `mean`: the mean of the cameras' up.
    `plane`: the cameras stand on one plane. `keep`: the z axis of the cameras' world."""
    tolerated: Annotated[float, Range(0, 0.5)] = 0.05
    """Share of an object's masks that may contradict the others, for poses and masks that are not exact."""
    extent: Annotated[float, Range(0.01, 2)] = 1.0
    """Length of the longest side of every object's box, in world units."""
    margin: Annotated[float, Range(0, 1)] = 0.08
    """Room around the object in its pictures, as a fraction of its size."""
    turn: tuple[str, ...] = ()
    """Turns by hand about the vertical axis, such as `shoe_3=90` (degrees, counterclockwise as seen from above);
    `all=180` turns all objects. They are kept in alignment.json, which a rerun reads."""
    like: Path | None = None
    """Dataset that is aligned already, such as the one that a category model is trained on: objects are turned to face
    as its do. It needs alpha or masks."""
    seed: Annotated[int, Range(0, 2**32 - 1)] = 0
    """Another seed gives another split."""
    test_fraction: Annotated[float, Range(0, 1)] = 0.3
    """Share of the objects for stage 2 (split `test`)."""
    follow_links: bool = False
    """Follow symbolic links that lead out of the folder."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        for given in self.turn:
            _, equals, degrees = given.rpartition("=")
            if not equals or not _is_angle(degrees):
                yield "turn", f"is {given!r:.80}, expected an object's name and degrees, such as shoe_3=90"


@dataclass(frozen=True)
class TurntableConfig(PhotosConfig):
    """How pictures of objects on a turntable, by a camera that stands still, become a dataset."""

    field_of_view: Annotated[float, Range(1, 170)] = 40.0
    """Horizontal field of view of the camera in degrees. A phone's main camera has 65 to 70 across its longer side."""
    elevation: Annotated[float, Range(-89, 89)] = 20.0
    """How far the camera looks down onto the table, in degrees."""
    angles: Literal["even", "names"] = "even"
    """Where no angles.csv (lines of file,degrees) lies beside the pictures: they are spread evenly over a full turn in
    the order of their names, or the last number in a name is its angle in degrees."""
    turns: Literal["counterclockwise", "clockwise"] = "counterclockwise"
    """Which way the table turns as seen from above. Counterclockwise, what is near the camera moves to the right."""


def _is_angle(text: str) -> bool:
    try:
        return abs(float(text)) <= 360_000
    except ValueError:
        return False
