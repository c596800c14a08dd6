"""Which scenes could not be fitted into a bank, so that no later mean passes over them unsaid."""

from collections.abc import Mapping
from pathlib import Path

from triptych.files import check_seal, field_of, lock, read_object, write_sealed_json

FAILED_FILE = "failed.json"
"""Of a bank's folder: the scenes that could not be fitted, and why."""


def note_failures(bank: Path, problems: Mapping[str, str | None]) -> None:
    """Keep what was wrong with scenes, beside what is known of others.

    Args:
        bank: the bank's folder.
        problems: what was wrong with each scene; None for one that is in the bank now.
    """
    if not any(problems.values()) and not (bank / FAILED_FILE).exists():
        return
    with lock(bank, wait=True):
        before = read_failures(bank)
        now = {name: problem for name, problem in {**before, **problems}.items() if problem is not None}
        if now != before:
            write_sealed_json(bank / FAILED_FILE, {"scenes": now})


def read_failures(bank: Path) -> dict[str, str]:
    """What was wrong with each scene that could not be fitted into a bank, by name.

    Raises:
        InputError: the file is damaged.
    """
    path = bank / FAILED_FILE
    if not path.exists():
        return {}
    document = read_object(path)
    check_seal(path, document, required=True)
    scenes = field_of(document, "scenes", dict, path)
    return {name: field_of(scenes, name, str, path) for name in scenes}
