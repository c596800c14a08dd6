"""What is kept of a finished object until all are aligned, in a hidden folder of the dataset."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from triptych.data.photos.placing import CUBE, HULL_SIDE
from triptych.errors import InputError
from triptych.files import read_tensors, write_sealed_tensors
from triptych.geometry import Cameras

FOLDER = ".photos"
"""In the dataset's folder."""
MASKS = "masks"
"""In that folder: masks that were made."""
VERSION = 2
"""To be raised whenever the same photographs come out differently."""


@dataclass(frozen=True)
class Findings:
    """What was found out about an object's pictures.

    Attributes:
        folder: the object's folder, by its name.
        views: pictures that are used.
        left_out: pictures that cut the object.
        masks: where the masks come from.
        covered: share of its masks that the hull fills; less where poses or masks are wrong.
        exposure: ratio of the largest gain of a picture to the smallest.
        turns_other_way: whether the masks of a turntable agree clearly better if it turns the other way.
        stored_turned: whether pictures of a turntable have an EXIF orientation, which is not applied.
    """

    folder: str
    views: int
    left_out: int
    masks: str
    covered: float
    exposure: float
    turns_other_way: bool = False
    stored_turned: bool = False


@dataclass(frozen=True)
class Record:
    """An object in its own frame; see ``placing``.

    Attributes:
        cameras: of its pictures.
        hull: its cells.
        surface: z, y and x of the surface cells of the finer hull.
        fine_side: number of cells along each side of that.
        findings: for the report.
    """

    cameras: Cameras
    hull: Bool[Tensor, "z y x"]
    surface: UInt8[Tensor, "cell 3"]
    fine_side: int
    findings: Findings

    @property
    def cell(self) -> float:
        """Side of a cell of the finer hull."""
        return CUBE / self.fine_side

    @property
    def surface_points(self) -> Float[Tensor, "cell 3"]:
        """Centers (x, y, z) of the surface cells."""
        return ((self.surface.double() + 0.5) / self.fine_side - 0.5).flip(1) * CUBE


def record_file(root: Path, name: str) -> Path:
    """Where the record of an object lies."""
    return root / FOLDER / f"{name}.safetensors"


def write_record(root: Path, name: str, record: Record, digest: str) -> None:
    """Write the record of an object, whole or not at all; ``digest`` tells what it was made from."""
    tensors = {
        "c2w": record.cameras.c2w,
        "intrinsics": record.cameras.intrinsics,
        "hull": record.hull.flatten().to(torch.uint8),
        "surface": record.surface,
    }
    about = {"size": record.cameras.width, "fine_side": record.fine_side, "findings": asdict(record.findings)}
    texts = {"version": str(VERSION), "digest": digest, "about": json.dumps(about)}
    write_sealed_tensors(record_file(root, name), tensors, texts)


def read_record(root: Path, name: str, digest: str | None = None) -> Record | None:
    """The record of an object; None where there is none, it is damaged, or it was made from something else."""
    try:
        tensors, texts = read_tensors(record_file(root, name))
    except InputError:
        return None
    if texts.get("version") != str(VERSION) or digest not in (None, texts.get("digest")):
        return None
    about: dict[str, Any] = json.loads(texts["about"])
    cameras = Cameras(tensors["c2w"], tensors["intrinsics"], about["size"], about["size"])
    hull = tensors["hull"].reshape((HULL_SIDE,) * 3).bool()
    return Record(cameras, hull, tensors["surface"], about["fine_side"], Findings(**about["findings"]))
