"""Logs of JSON lines."""

import json
from pathlib import Path
from typing import Any

from triptych.errors import InputError
from triptych.files.reading import read_bytes

LOG_FILE = "log.jsonl"
"""The log in a run's folder."""


def read_log(folder: Path) -> list[dict[str, Any]]:
    """All lines of the log of a run's folder.

    Raises:
        InputError: it is missing, or a line is no JSON object.
    """
    path = folder / LOG_FILE
    lines = []
    for number, line in enumerate(read_bytes(path).splitlines(), start=1):
        try:
            lines.append(dict(json.loads(line)))
        except (ValueError, TypeError, RecursionError):
            raise InputError(f"{path}, line {number}: expected a JSON object") from None
    return lines
