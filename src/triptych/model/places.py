"""Where a category model lies, and the document that tells what it is."""

from pathlib import Path
from typing import Any

from triptych.errors import InputError
from triptych.files import SUM, Format, check_sums, field_of, read_object
from triptych.model.origin import preset_in

FORMAT = Format(
    "triptych-model",
    version=4,
    sealed_since=3,
    oldest=2,
    described="a category model made by `triptych train`",
    instead="train it again",
)
MODEL_FILE = "model.json"
"""Of a category model's folder: its settings, where it comes from, and the checksums of the other files."""
SHARED_FILE = "shared.safetensors"
"""Of a category model's folder: base planes, tiny MLP and the mean scene."""
MODEL_FILES = (
    MODEL_FILE,
    SHARED_FILE,
    "autoencoder.json",
    "autoencoder.safetensors",
    "predictor.safetensors",
    "modes.safetensors",
    "first_step.safetensors",
)
"""All files that a model's folder may hold."""
SHIPPED = Path(__file__).parents[1] / "shipped"
"""Category models that come with the package, one folder each."""


def find_model(path: Path) -> Path:
    """The model folder at ``path``, or inside it when ``path`` is the folder of a stage-1 run; else, where ``path`` is
    the name of a model that comes with the package (``objects``, ``cars``), that one."""
    places = [path, path / "model"]
    if len(path.parts) == 1:
        places.append(SHIPPED / path)
    return next((place for place in places if (place / MODEL_FILE).is_file()), path)


def find_autoencoder(source: str) -> Path:
    """The folder of an autoencoder: a folder that holds one, of a category model for instance, or the name of one that
    comes with the package (``general``, ``cars``)."""
    folder = find_model(Path(source))
    shipped = SHIPPED / source
    return shipped if not folder.exists() and len(Path(source).parts) == 1 and shipped.is_dir() else folder


def find_shipped(identity: str) -> Path | None:
    """The model that comes with the package and has this identity, or had it in an earlier version, if there is one."""
    files = sorted(SHIPPED.glob(f"*/{MODEL_FILE}"))
    return next((file.parent for file in files if identity in known_ids(read_object(file), file)), None)


def known_ids(document: dict[str, Any], path: Path) -> list[str]:
    """The ids under which a model is known: that of its document, and those of earlier versions of the same model.

    Raises:
        InputError: a field is missing or of another type.
    """
    former = field_of(document, "former_ids", list, path) if "former_ids" in document else []
    return [field_of(document, "id", str, path), *map(str, former)]


def read_document(folder: Path) -> dict[str, Any]:
    """The document of a model folder; all files are compared with its checksums, where it has them.

    Raises:
        InputError: the folder or a file in it is missing, damaged or of another model.
    """
    if not folder.is_dir():
        own = ", ".join(f"`{place.parent.name}`" for place in sorted(SHIPPED.glob(f"*/{MODEL_FILE}")))
        made = "expected a category model made by `triptych train`"
        raise InputError(f"{folder}: no such folder; {made}, or the name of one that comes with triptych ({own})")
    path = folder / MODEL_FILE
    document = FORMAT.read(path)
    if SUM in document:
        try:
            check_sums(folder, document.get("files"))
        except InputError as error:
            raise InputError(
                f"{error}; its files are damaged or not of one model, copy the whole folder again"
            ) from None
    return document


def read_preset(folder: Path) -> str | None:
    """The preset that the scenes of a model are to be fitted with, as its file says; None where there is no such
    model or it names none. What is wrong with the file is said when the model is loaded."""
    try:
        return preset_in(read_object(folder / MODEL_FILE))
    except InputError:
        return None
