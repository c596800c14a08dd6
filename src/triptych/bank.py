"""The scene bank: what belongs to each scene alone, one small zarr group a scene.

    bank.json                format, the category model it belongs to, sizes
    scenes/<name>/           zarr v3 group: arrays ``micro`` and ``coefficients``; attributes: fingerprint, record
    model/                   the bank's own copy of the shared part, when stage 2 has fine-tuned it

A scene is written under a hidden name and renamed into place: after a kill it is there whole or not at all, and of two
writers of the same scene the first wins. Scenes are never changed.
"""

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
import torch
import zarr
from jaxtyping import Float
from torch import Tensor

from triptych.errors import InputError
from triptych.files import folder_name, read_json, write_json
from triptych.model import CategoryModel, find_model, find_shipped
from triptych.representation.planes import PlaneConfig

FORMAT = "triptych-bank"
VERSION = 1
BANK_FILE = "bank.json"
OWN_MODEL = "model"
StoragePrecision = Literal["float16", "float32"]


@dataclass(frozen=True)
class StoredScene:
    """One scene of a bank.

    Attributes:
        micro: its micro planes, channels last.
        coefficients: its coefficients of the base planes.
        fingerprint: hash of the pictures and poses it was fitted to.
        record: JSON values about it: metrics, seconds, views, settings.
    """

    micro: Float[Tensor, "3 k k micro"]
    coefficients: Float[Tensor, " base"]
    fingerprint: str
    record: Mapping[str, Any]


class SceneBank:
    """A folder of fitted scenes that belong to one category model."""

    def __init__(self, folder: Path) -> None:
        """Open a bank.

        Raises:
            InputError: the folder is no bank.
        """
        document = read_json(folder / BANK_FILE) if (folder / BANK_FILE).is_file() else None
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise InputError(f"{folder}: expected a scene bank (a folder with {BANK_FILE}) made by `triptych fit`")
        if document.get("version") != VERSION:
            raise InputError(
                f"{folder / BANK_FILE}: version {document.get('version')!r}, expected {VERSION}; update triptych"
            )
        self.folder = folder
        self.model_id: str = document["model_id"]
        self.planes = PlaneConfig(**document["planes"])
        self.precision: StoragePrecision = document["precision"]

    @classmethod
    def create(
        cls,
        folder: Path,
        model: CategoryModel,
        *,
        precision: StoragePrecision = "float16",
        own_model: bool = False,
    ) -> "SceneBank":
        """Make an empty bank, or open the one that stands there if it belongs to the same model.

        Args:
            folder: where.
            model: the category model its scenes are fitted with.
            precision: number format of the micro planes on disk.
            own_model: keep a copy of the model inside the bank.

        Raises:
            InputError: the folder holds a bank of another model, or something else.
        """
        if (folder / BANK_FILE).exists():
            bank = cls(folder)
            bank.require_model(model)
            return bank
        # A model alone is what a kill before the next lines leaves.
        if folder.exists() and (not folder.is_dir() or any(entry.name != OWN_MODEL for entry in folder.iterdir())):
            raise InputError(f"{folder}: expected a new or empty folder, or a scene bank; choose another path")
        if own_model:
            model.save(folder / OWN_MODEL)
        document = {
            "format": FORMAT,
            "version": VERSION,
            "model_id": model.identity(),
            "planes": asdict(model.config.planes),
            "precision": precision,
            "aabb": model.aabb.tolist(),
        }
        write_json(folder / BANK_FILE, document)
        return cls(folder)

    def require_model(self, model: CategoryModel) -> None:
        """Refuse a model other than the one the scenes were fitted with.

        Raises:
            InputError: the ids differ.
        """
        if model.identity() != self.model_id:
            raise InputError(
                f"{self.folder}: this bank belongs to model {self.model_id}, not to {model.identity()}; "
                "give that model or another bank"
            )

    def load_model(self, folder: Path | None = None) -> CategoryModel:
        """The category model of this bank: the one in ``folder`` if given, else the bank's own copy, else the one
        that comes with the package and has the bank's model id.

        Raises:
            InputError: no folder is given and none of these is there, or the model is another one.
        """
        own = self.folder / OWN_MODEL
        place = folder or (own if own.is_dir() else find_shipped(self.model_id))
        if place is None:
            raise InputError(f"{self.folder}: this bank keeps no copy of its model; say which one with --model")
        model = CategoryModel.load(find_model(place))
        self.require_model(model)
        return model

    def names(self) -> list[str]:
        """Names of the scenes, sorted."""
        scenes = self.folder / "scenes"
        if not scenes.is_dir():
            return []
        return sorted(unquote(entry.name) for entry in scenes.iterdir() if not entry.name.startswith("."))

    def __len__(self) -> int:
        return len(self.names())

    def __contains__(self, name: str) -> bool:
        return self._path(name).is_dir()

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def add(self, name: str, scene: StoredScene) -> None:
        """Store a scene, whole or not at all.

        Raises:
            InputError: a scene of that name is there already.
        """
        final = self._path(name)
        if final.exists():
            raise InputError(f"{self.folder}: scene {name!r} is in the bank already; scenes are never changed")
        final.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(mkdtemp(dir=final.parent, prefix=".", suffix=".tmp"))
        try:
            group = zarr.open_group(temporary / "scene", mode="w", zarr_format=3)
            micro = scene.micro.detach().cpu().numpy().astype(self.precision)
            coefficients = scene.coefficients.detach().cpu().numpy().astype(np.float32)
            for key, array in (("micro", micro), ("coefficients", coefficients)):
                if array.size:
                    group.create_array(key, data=array, chunks=array.shape)
            group.attrs.update({"fingerprint": scene.fingerprint, "record": dict(scene.record)})
            try:
                (temporary / "scene").rename(final)
            except OSError:
                if not final.exists():
                    raise
                raise InputError(f"{self.folder}: another process has just added scene {name!r}") from None
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def scene(self, name: str) -> StoredScene:
        """Read one scene, and nothing of the others.

        Raises:
            InputError: there is no such scene, or its files are damaged.
        """
        if name not in self:
            raise InputError(f"{self.folder}: no scene {name!r} in this bank")
        try:
            group = zarr.open_group(self._path(name), mode="r")
            attributes = dict(group.attrs)
            micro = _read(group, "micro", self.planes.micro_shape)
            coefficients = _read(group, "coefficients", (self.planes.coefficients,))
            fingerprint, record = str(attributes["fingerprint"]), attributes["record"]
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise InputError(f"{self._path(name)}: damaged scene ({error}); delete it and fit it again") from None
        assert isinstance(record, dict)
        return StoredScene(micro, coefficients, fingerprint, record)

    def bytes_of(self, name: str) -> int:
        """Size of one scene on disk, metadata included."""
        return sum(file.stat().st_size for file in self._path(name).rglob("*") if file.is_file())

    def _path(self, name: str) -> Path:
        return self.folder / "scenes" / folder_name(name)


def _read(group: zarr.Group, key: str, shape: tuple[int, ...]) -> Tensor:
    if 0 in shape:
        return torch.zeros(shape)
    array = np.asarray(group[key][...])  # type: ignore[index]
    if array.shape != shape:
        raise ValueError(f"{key} has shape {array.shape}, expected {shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{key} holds numbers that are not finite")
    return torch.from_numpy(array.astype(np.float32))
