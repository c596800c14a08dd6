"""Making datasets that can be stopped, resumed and extended, but never mixed with others."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from triptych.data.formats.writer import DATASET_FILE
from triptych.errors import InputError
from triptych.files import read_json, write_json

MAKING_FILE = "making.json"
"""In the dataset's folder until it is complete for the first time; records what is being made."""


@contextmanager
def open_for_making(root: Path, made_by: Mapping[str, Any]) -> Iterator[None]:
    """Open a new, an incomplete or a complete dataset to add the scenes it lacks.

    Use it around the loop over the scenes and the writing of ``dataset.json``::

        with open_for_making(root, made_by):
            for name in names:
                if not scene_is_written(root, name):
                    write_scene(root, name, *draw(name))
            write_dataset_file(root, aabb, splits, made_by)

    Scenes that an earlier run has written can be kept because both runs have the same ``made_by``. A run that
    fails leaves the folder ready to be continued.

    Args:
        root: the dataset's folder; it need not exist.
        made_by: whatever decides how a scene of a given name looks: the generator, its options, its seed. The
            number of scenes and their splits stay out of it, so that a dataset can grow. What ``dataset.json``
            records beyond it, such as files that were skipped, is not compared.

    Raises:
        InputError: the folder holds a dataset with another ``made_by``, or something that is no dataset.
        OSError: the folder cannot be written.
    """
    expected = json.loads(json.dumps(dict(made_by)))
    if root.exists() and not root.is_dir():
        raise InputError(f"{root}: expected a folder for the dataset, found a file; choose another path")
    record = next((root / name for name in (DATASET_FILE, MAKING_FILE) if (root / name).exists()), None)
    if record is not None:
        _check_same(record, expected)
    elif root.is_dir() and any(not entry.name.startswith(".") for entry in root.iterdir()):
        raise InputError(f"{root}: expected a new or empty folder, or a dataset to continue; choose another path")
    else:
        write_json(root / MAKING_FILE, {"made_by": expected})
    yield
    (root / MAKING_FILE).unlink(missing_ok=True)


def _check_same(record: Path, expected: dict[str, Any]) -> None:
    document = read_json(record)
    recorded = document.get("made_by") if isinstance(document, dict) else None
    if not isinstance(recorded, dict):
        raise InputError(f"{record}: made_by is missing, so scenes cannot be added; choose another folder")
    differing = [key for key in expected if expected[key] != recorded.get(key)]
    if differing:
        key = differing[0]
        raise InputError(
            f"{record}: the folder holds a dataset made with {key} = {recorded.get(key)!r}, "
            f"not {expected.get(key)!r}; give the same options to continue it, or choose another folder"
        )
