"""Which views a transforms.json scene declares for training and for testing."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from triptych.data.formats.layouts import TRANSFORMS_PATTERN
from triptych.data.formats.parsed_scene import ViewUse
from triptych.data.formats.picture_finder import normal_path
from triptych.errors import InputError
from triptych.files import is_file
from triptych.text import shown

LEFT_OUT: Final = "left out"
"""Of a view that is for neither."""
UseInFile = ViewUse | Literal["left out"] | None

_LABELS = ("train", "test", "val")


def files_by_use(folder: Path) -> list[tuple[Path, ViewUse | None]]:
    """The transforms files of a scene, and what the views of each are for.

    ``transforms_test.json``, or where there is none ``transforms_val.json``, is held out of ``transforms_train.json``.

    Raises:
        InputError: there is no file.
    """
    train, test, validation = (folder / f"transforms_{label}.json" for label in _LABELS)
    held_out = next((file for file in (test, validation) if is_file(file)), None)
    if held_out is not None and is_file(train):
        return [(train, "train"), (held_out, "test")]
    usual = folder / "transforms.json"
    candidates = [usual] if is_file(usual) else [train, *sorted(folder.glob(TRANSFORMS_PATTERN))]
    found = next((file for file in candidates if is_file(file)), None)
    if found is None:
        raise InputError(f"{folder}: expected a file transforms.json in this folder")
    return [(found, None)]


def uses_in_file(header: Mapping[str, Any], records: Sequence[Any], file: Path) -> list[UseInFile]:
    """What a single file says its frames are for: by lists of ``file_path`` as nerfstudio has them
    (``train_filenames``, ``test_filenames``, ``val_filenames``), or by a field ``split`` in each frame.

    Views for validation are held out where none is for testing, and left out otherwise. A frame without a label is for
    training where no other is, and left out otherwise.

    Args:
        header: the file without its frames.
        records: its frames.
        file: the file, for messages.

    Returns:
        One use per frame; None for all where nothing is held out.

    Raises:
        InputError: a list holds something other than texts, or names a frame that does not exist or is in another list.
    """
    labels = _labels_of_lists(header, records, file) or [_label_of(record) for record in records]
    held_out = "test" if "test" in labels else "val"
    if held_out not in labels and ("train" not in labels or None not in labels):
        return [None] * len(records)
    rest: UseInFile = "train"
    if "train" in labels:
        rest = LEFT_OUT if held_out in labels else "test"
    uses: dict[str | None, UseInFile] = {"train": "train", "val": LEFT_OUT, held_out: "test", None: rest}
    return [uses[label] for label in labels]


def _label_of(record: Any) -> str | None:
    label = record.get("split") if isinstance(record, dict) else None
    return label if isinstance(label, str) and label in _LABELS else None


def _labels_of_lists(header: Mapping[str, Any], records: Sequence[Any], file: Path) -> list[str | None]:
    """One label per frame; nothing where the file holds no list."""
    lists = {label: _names_under(header, f"{label}_filenames", file) for label in _LABELS}
    if not any(lists.values()):
        return []
    if lists["test"]:
        lists["val"] -= lists["test"] | lists["train"]
    named = [record.get("file_path") if isinstance(record, dict) else None for record in records]
    paths = [normal_path(path) if isinstance(path, str) else None for path in named]
    known, labels = set(paths), dict[str, str]()
    for label, names in lists.items():
        for name in sorted(names):
            if name not in known:
                raise InputError(f"{file}, {label}_filenames: no frame has the file_path {shown(name)}")
            if labels.setdefault(name, label) != label:
                raise InputError(
                    f"{file}, {label}_filenames: {shown(name)} stands in {labels[name]}_filenames too; remove one"
                )
    return [labels.get(path) if path is not None else None for path in paths]


def _names_under(header: Mapping[str, Any], field: str, file: Path) -> set[str]:
    names = header.get(field)
    if names is None:
        return set()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise InputError(f"{file}, {field}: expected a list of file_path values, found {shown(names)}")
    return {normal_path(name) for name in names}
