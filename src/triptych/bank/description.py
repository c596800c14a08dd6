"""The document of a bank, ``bank.json``: whose scenes it holds, their sizes, and the files that hold them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast, get_args

from triptych.bank.config import StoragePrecision
from triptych.bank.sqlite_errors import without_locks
from triptych.errors import InputError
from triptych.files import Format, can_be_locked, dataclass_of, field_of, read_object, write_sealed_json
from triptych.model import CategoryModel
from triptych.representation.config import PlaneConfig

BANK_FILE = "bank.json"
"""Of a bank's folder: which model its scenes belong to, and how they are stored."""
ENDING = ".sqlite"
"""Of the files that hold the scenes."""
FILES = f"scenes-*{ENDING}"
"""What these are called."""
_ABOUT = f"a scene bank (a folder with {BANK_FILE}) made by `triptych fit`"
FORMAT = Format("triptych-bank", version=3, sealed_since=2, oldest=3, described=_ABOUT)
FORMAT_OF_FOLDERS = Format("triptych-bank", version=2, sealed_since=2, described=_ABOUT)
"""Of earlier versions: a folder of zarr arrays per scene."""


@dataclass(frozen=True)
class BankDescription:
    """What is the same for all scenes of a bank.

    Attributes:
        model_id: the category model's.
        planes: their sizes.
        precision: number format of the micro planes.
        aabb: the box of the scenes, as JSON.
        files: names of the files that hold the scenes; a scene's name tells which of them.
    """

    model_id: str
    planes: PlaneConfig
    precision: StoragePrecision
    aabb: Any
    files: tuple[str, ...] = ()

    @classmethod
    def of_model(cls, model: CategoryModel, precision: StoragePrecision) -> "BankDescription":
        """Of a bank for scenes of a category model, without files yet."""
        return cls(model.identity(), model.config.planes, precision, model.aabb.tolist())

    @classmethod
    def read(cls, folder: Path) -> "BankDescription":
        """Of the bank in a folder.

        Raises:
            InputError: the folder is no bank, or one of an earlier version, or its file system has no locks.
        """
        path = folder / BANK_FILE
        if not path.is_file():
            FORMAT.check(folder, {})
        if not can_be_locked(path):  # SQLite would wait for a minute, and not know why
            raise without_locks(folder)
        if is_of_folders(folder):
            raise InputError(
                f"{folder}: this bank was made by an earlier version, a folder per scene; make a new one of it by "
                f"`triptych bank convert {folder} NEW`"
            )
        document = FORMAT.read(path)
        files = tuple(map(str, field_of(document, "files", list, path)))
        if not files or not all(name.endswith(ENDING) and Path(name).name == name for name in files):
            raise InputError(f"{path}, files: expected names of files that end in {ENDING}")
        return cls._of_document(document, path, files)

    @classmethod
    def read_of_folders(cls, folder: Path) -> "BankDescription":
        """Of a bank of an earlier version.

        Raises:
            InputError: it is damaged.
        """
        path = folder / BANK_FILE
        return cls._of_document(FORMAT_OF_FOLDERS.read(path), path, ())

    @classmethod
    def _of_document(cls, document: dict[str, Any], path: Path, files: tuple[str, ...]) -> "BankDescription":
        precision = field_of(document, "precision", str, path)
        if precision not in get_args(StoragePrecision):
            raise InputError(f"{path}, precision: expected one of {get_args(StoragePrecision)}, found {precision!r}")
        planes = dataclass_of(PlaneConfig, document.get("planes"), f"{path}, planes")
        model_id = field_of(document, "model_id", str, path)
        return cls(model_id, planes, cast(StoragePrecision, precision), document.get("aabb"), files)

    def write(self, folder: Path) -> None:
        """Write it as the bank's document, whole or not at all; all its files must be there."""
        write_sealed_json(folder / BANK_FILE, {**FORMAT.header(), **asdict(self)})


def is_of_folders(folder: Path) -> bool:
    """Whether a bank was made by an earlier version, which kept each scene in a folder of its own."""
    document = read_object(folder / BANK_FILE)
    return FORMAT.is_in(document) and document.get("version") in range(1, FORMAT.oldest)
