"""The scene bank: what belongs to each scene alone, one small zarr group a scene.

    bank.json                format, the category model it belongs to, sizes
    scenes/<name>/           one scene; see `triptych.bank.stored_scene`
    model/                   the bank's own copy of the shared part, when stage 2 has fine-tuned it

A scene is written under a hidden name and renamed into place: after a kill it is there whole or not at all, and of two
writers of the same scene the first wins. Scenes are never changed.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import cast, get_args

from triptych.bank.config import StoragePrecision
from triptych.bank.stored_scene import (
    SceneAbout,
    StoredScene,
    has_sums,
    name_inside,
    read_about,
    read_scene,
    write_scene,
)
from triptych.errors import InputError
from triptych.files import (
    Format,
    atomic_directory,
    dataclass_of,
    field_of,
    folder_name,
    is_clutter,
    is_vacant,
    name_of_folder,
    sweep,
    write_sealed_json,
)
from triptych.model import CategoryModel, find_model, find_shipped
from triptych.representation.config import PlaneConfig

BANK_FILE = "bank.json"
FORMAT = Format(
    "triptych-bank",
    version=2,
    sealed_since=2,
    described=f"a scene bank (a folder with {BANK_FILE}) made by `triptych fit`",
)
SCENES = "scenes"
OWN_MODEL = "model"


class SceneBank:
    """A folder of fitted scenes that belong to one category model."""

    def __init__(self, folder: str | Path) -> None:
        """Open a bank.

        Raises:
            InputError: the folder is no bank.
        """
        folder = Path(folder)
        path = folder / BANK_FILE
        if not path.is_file():
            FORMAT.check(folder, {})
        document = FORMAT.read(path)
        self.folder = folder
        self.model_id = field_of(document, "model_id", str, path)
        self.planes = dataclass_of(PlaneConfig, document.get("planes"), f"{path}, planes")
        precision = field_of(document, "precision", str, path)
        if precision not in get_args(StoragePrecision):
            raise InputError(f"{path}, precision: expected one of {get_args(StoragePrecision)}, found {precision!r}")
        self.precision = cast(StoragePrecision, precision)

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

        An empty bank of another model, which a start that failed may leave, is replaced. What killed processes have
        left half written is removed.

        Args:
            folder: where.
            model: the category model its scenes are fitted with.
            precision: number format of the micro planes on disk.
            own_model: keep a copy of the model inside the bank.

        Raises:
            InputError: the folder holds a bank of another model or precision, or something else.
        """
        if (folder / BANK_FILE).exists():
            bank = cls(folder)
            sweep(folder / SCENES)
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
        document = {
            **FORMAT.header(),
            "model_id": model.identity(),
            "planes": asdict(model.config.planes),
            "precision": precision,
            "aabb": model.aabb.tolist(),
        }
        write_sealed_json(folder / BANK_FILE, document)
        return cls(folder)

    @staticmethod
    def check_place(folder: Path) -> None:
        """Refuse a folder in which no bank can be made or goes on.

        Raises:
            InputError: it holds something else.
        """
        # A model alone is what a kill before the bank's own file leaves.
        if not (folder / BANK_FILE).exists() and not is_vacant(folder, OWN_MODEL):
            raise InputError(f"{folder}: expected a new or empty folder, or a scene bank; choose another path")

    def require_model(self, model: CategoryModel) -> None:
        """Refuse a model other than the one the scenes were fitted with.

        Raises:
            InputError: the ids differ.
        """
        if not model.is_known_as(self.model_id):
            raise InputError(
                f"{self.folder}: this bank belongs to model {self.model_id}, not to {model.identity()}; "
                "give that model or another bank"
            )

    def _require_precision(self, precision: StoragePrecision) -> None:
        if precision != self.precision:
            raise InputError(
                f"{self.folder}: this bank keeps {self.precision}, not {precision}; give --precision {self.precision} "
                "or another bank"
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
        """Names of the scenes, sorted; files beside their folders are left aside, as is what file managers leave."""
        scenes = self.folder / SCENES
        if not scenes.is_dir():
            return []
        return sorted(_name_of(entry) for entry in scenes.iterdir() if entry.is_dir() and not is_clutter(entry.name))

    def choose(self, names: Sequence[str] = ()) -> tuple[str, ...]:
        """These names, or all if none is given.

        Raises:
            InputError: the bank lacks one of them, or is empty.
        """
        for name in names:
            if name not in self:
                raise InputError(f"{self.folder}: no scene {name!r} in this bank")
        chosen = tuple(names) or tuple(self.names())
        if not chosen:
            raise InputError(f"{self.folder}: the bank is empty; fit scenes first")
        return chosen

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
        try:
            with atomic_directory(final, replace=False) as temporary:
                write_scene(temporary, name, scene, self.precision)
        except OSError:
            if not final.exists():
                raise
            raise InputError(f"{self.folder}: another process has just added scene {name!r}") from None

    def scene(self, name: str) -> StoredScene:
        """Read one scene, and nothing of the others; it is compared with its checksums.

        Raises:
            InputError: there is no such scene, or its files are damaged.
        """
        with self._of(name):
            return self._read(name)

    def about(self, name: str) -> SceneAbout:
        """What the bank says about a scene; its planes are neither read nor looked at.

        Raises:
            InputError: there is no such scene, or the file that says so is damaged.
        """
        with self._of(name):
            return read_about(self._path(name))

    def check(self, name: str) -> bool:
        """Compare a scene with its checksums, if it was stored with them; those of earlier versions were not.

        Returns:
            whether it was.

        Raises:
            InputError: its files are damaged; the message does not name the scene.
        """
        self._read(name)
        return has_sums(self._path(name))

    def _read(self, name: str) -> StoredScene:
        shapes = {"micro": self.planes.micro_shape, "coefficients": (self.planes.coefficients,)}
        return read_scene(self._path(name), name, shapes)

    @contextmanager
    def _of(self, name: str) -> Iterator[None]:
        """Read a scene of this name, which what is wrong with it then tells."""
        self.choose([name])
        try:
            yield
        except InputError as error:
            raise InputError(f"scene {name!r} is damaged: {error}") from None

    def bytes_of(self, name: str) -> int:
        """Size of one scene on disk, metadata included."""
        return sum(file.stat().st_size for file in self._path(name).rglob("*") if file.is_file())

    def _path(self, name: str) -> Path:
        return self.folder / SCENES / folder_name(name)


def _name_of(folder: Path) -> str:
    """The name of the scene in a folder; where that cannot be told from damaged files, the folder's own."""
    name = name_of_folder(folder.name)
    if name is not None:
        return name
    with suppress(InputError):
        return name_inside(folder)
    return folder.name
