"""The scene bank: what belongs to each scene alone.

    bank.json                format, the category model it belongs to, sizes, names of the files below
    scenes-0.sqlite, ...     the scenes; see `triptych.bank.sqlite_file` and `triptych.bank.stored_scene`
    start.safetensors        only in compact precisions: the micro planes of the mean scene, which scenes add to
    model/                   the bank's own copy of the shared part, when stage 2 has fine-tuned it

A scene is there whole or not at all, and of two writers of the same scene the first wins. Scenes are never changed.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor

from triptych.bank.config import StoragePrecision
from triptych.bank.description import BANK_FILE, ENDING, FILES, BankDescription
from triptych.bank.folder import make_folder
from triptych.bank.model_of_bank import OWN_MODEL, load_model_of, require_model_of
from triptych.bank.precision import Codec, codec_of
from triptych.bank.shards import Shards
from triptych.bank.sqlite_file import NameTakenError, SqliteFile, has_no_scenes
from triptych.bank.start_file import START_FILE, keep_start, start_of
from triptych.bank.stored_scene import (
    Row,
    SceneAbout,
    StoredScene,
    name_as_bytes,
    name_of_bytes,
    pack,
    unpack,
    unpack_about,
)
from triptych.errors import InputError
from triptych.files import is_vacant
from triptych.model import CategoryModel
from triptych.representation.config import PlaneConfig

_Found = TypeVar("_Found")


class NoSuchSceneError(InputError):
    """A bank has no scene of a name."""


class SceneBank:
    """A folder of fitted scenes that belong to one category model."""

    def __init__(self, folder: str | Path) -> None:
        """Open a bank.

        Raises:
            InputError: the folder is no bank.
        """
        self.folder = Path(folder)
        self.description = BankDescription.read(self.folder)
        self.shards = Shards(self.folder)

    def __reduce__(self) -> tuple[type["SceneBank"], tuple[Path]]:
        return type(self), (self.folder,)

    @property
    def model_id(self) -> str:
        """The id of the category model that it belongs to."""
        return self.description.model_id

    @property
    def planes(self) -> PlaneConfig:
        """Sizes of its planes."""
        return self.description.planes

    @property
    def precision(self) -> StoragePrecision:
        """Number format of the micro planes."""
        return self.description.precision

    @classmethod
    def create(
        cls,
        folder: str | Path,
        model: CategoryModel,
        *,
        precision: StoragePrecision = "float16",
        own_model: bool = False,
        files: int = 1,
    ) -> "SceneBank":
        """Make an empty bank, or open the one that stands there if it belongs to the same model.

        An empty bank of another model, which a start that failed may leave, is replaced. Where other processes may do
        the same, hold the folder (`triptych.bank.folder`).

        Args:
            folder: where.
            model: the category model its scenes are fitted with.
            precision: number format of the micro planes on disk.
            own_model: keep a copy of the model inside the bank.
            files: over how many files those of a new bank are spread; about as many processes add some without waiting.

        Raises:
            InputError: the folder holds a bank of another model or precision, or something else.
        """
        folder = Path(folder)
        if (folder / BANK_FILE).exists():
            bank = cls(folder)
            if len(bank) or (folder / OWN_MODEL).exists():
                bank.require_model(model)
            if len(bank):
                bank._require_precision(precision)
                return bank
            if bank.model_id == model.identity() and bank.precision == precision:
                return bank
        cls.check_place(folder)
        if own_model:
            model.save(folder / OWN_MODEL)
        return cls.made(folder, BankDescription.of_model(model, precision), files, model.start_micro)

    @classmethod
    def made(
        cls, folder: Path, description: BankDescription, files: int, start: Float[Tensor, "3 k k micro"] | None = None
    ) -> "SceneBank":
        """A new, empty bank, in the place of one that is empty; compact ones keep the mean scene, ``start``."""
        make_folder(folder)
        keep_start(folder, description, start)
        names = tuple(f"scenes-{number}{ENDING}" for number in range(files))
        for name in names:
            SqliteFile.create(folder / name)
        replace(description, files=names).write(folder)
        return cls(folder)

    @staticmethod
    def check_place(folder: Path) -> None:
        """Refuse a folder in which no bank can be made or goes on.

        Raises:
            InputError: it holds something else.
        """
        # A model and files without scenes are what a kill before the bank's own document leaves.
        left = [file.name for file in folder.glob(FILES) if has_no_scenes(file)]
        if not (folder / BANK_FILE).exists() and not is_vacant(folder, OWN_MODEL, START_FILE, *left):
            raise InputError(f"{folder}: expected a new or empty folder, or a scene bank; choose another path")

    def require_model(self, model: CategoryModel) -> None:
        """Refuse a model other than the one the scenes were fitted with.

        Raises:
            InputError: the ids differ.
        """
        require_model_of(self.folder, self.model_id, model)

    def _require_precision(self, precision: StoragePrecision) -> None:
        if precision != self.precision:
            raise InputError(
                f"{self.folder}: this bank keeps {self.precision}, not {precision}; give --precision {self.precision} "
                "or another bank"
            )

    def load_model(self, folder: str | Path | None = None) -> CategoryModel:
        """The category model of this bank: the one in ``folder`` if given, else the bank's own copy, else the one
        that comes with the package and has the bank's model id.

        Raises:
            InputError: no folder is given and none of these is there, or the model is another one.
        """
        return load_model_of(self.folder, self.model_id, folder)

    def names(self) -> list[str]:
        """Names of all scenes, sorted; iterating over the bank holds only some at a time."""
        return list(self)

    def choose(self, names: Sequence[str] = ()) -> tuple[str, ...]:
        """These names, or all if none is given.

        Raises:
            InputError: the bank lacks one of them, or is empty.
        """
        for name in names:
            if name not in self:
                raise NoSuchSceneError(f"{self.folder}: no scene {name!r} in this bank")
        if names:
            return tuple(names)
        self.require_some()
        return tuple(self)

    def require_some(self) -> None:
        """Refuse a bank without scenes.

        Raises:
            InputError: it is one.
        """
        if not len(self):
            raise InputError(f"{self.folder}: the bank is empty; fit scenes first")

    def __len__(self) -> int:
        return self.shards.count()

    def __contains__(self, name: str) -> bool:
        key = name_as_bytes(name)
        return self.shards.ask(key, lambda file: file.has(key))

    def __iter__(self) -> Iterator[str]:
        return map(name_of_bytes, self.shards.names())

    def add(self, name: str, scene: StoredScene) -> None:
        """Store a scene, whole or not at all.

        Raises:
            NameTakenError: a scene of that name is there already.
        """
        self.add_all([(name, scene)])

    def add_all(self, scenes: Iterable[tuple[str, StoredScene]]) -> None:
        """Store scenes, each whole or not at all, some tens of megabytes at a time; much faster than one by one.

        Raises:
            NameTakenError: there is a scene of one of these names; those before it may be stored.
        """
        self.add_rows(pack(name, scene, self.codec) for name, scene in scenes)

    def add_rows(self, rows: Iterable[Row]) -> None:
        """Store scenes that are bytes already, as ``add_all`` does."""
        try:
            self.shards.add(rows)
        except NameTakenError as error:
            name = name_of_bytes(error.args[0])
            raise NameTakenError(
                f"{self.folder}: scene {name!r} is in the bank already; scenes are never changed"
            ) from None

    def scene(self, name: str) -> StoredScene:
        """Read one scene, and nothing of the others; it is compared with its checksums.

        Raises:
            InputError: there is no such scene, or it is damaged.
        """
        with self.naming(name):
            return self.unpacked(self._found(name, SqliteFile.row))

    def about(self, name: str) -> SceneAbout:
        """What the bank says about a scene; its planes are neither read nor looked at.

        Raises:
            InputError: there is no such scene, or what is said about it is damaged.
        """
        with self.naming(name):
            return unpack_about(self._found(name, SqliteFile.header))

    def bytes_of(self, name: str) -> int:
        """Bytes of one scene, metadata included.

        Raises:
            InputError: there is no such scene.
        """
        return self._found(name, SqliteFile.size)

    def unpacked(self, row: Row) -> StoredScene:
        """The scene that bytes of this bank stand for, compared with its checksums.

        Raises:
            InputError: it is damaged; the message does not name it.
        """
        return unpack(row, self.codec, self.planes.coefficients)

    @cached_property
    def codec(self) -> Codec:
        """How its micro planes are stored; an InputError where a file that this takes is damaged."""
        return codec_of(self.precision, self.planes, start_of(self.folder, self.description))

    def _repr_png_(self) -> bytes | None:
        """What a notebook shows: some of its scenes, where their model is at hand."""
        from triptych.bank.scenes import Scenes

        with suppress(InputError):
            return Scenes(self, self.load_model())._repr_png_()

    def close(self) -> None:
        """Let go of the bank's files, which are opened again when they are next read."""
        self.shards.close()

    def _found(self, name: str, query: Callable[[SqliteFile, bytes], _Found | None]) -> _Found:
        key = name_as_bytes(name)
        found = self.shards.ask(key, lambda file: query(file, key))
        if found is None:
            raise NoSuchSceneError(f"{self.folder}: no scene {name!r} in this bank")
        return found

    @contextmanager
    def naming(self, name: str) -> Iterator[None]:
        """Read a scene of this name, which what is wrong with it then tells."""
        try:
            yield
        except NoSuchSceneError:
            raise
        except InputError as error:
            remedy = f"`triptych bank merge NEW {self.folder}` copies the others, then fit it again"
            raise InputError(f"scene {name!r} is damaged: {error}; {remedy}") from None
