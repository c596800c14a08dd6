"""Names of scenes, from the files that they come from."""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path


def scene_names(paths: Sequence[Path]) -> list[str]:
    """A folder name for each mesh, from its path below the input folder.

    The parts are joined by ``-``; letters and digits of any script, ``.``, ``_`` and ``-`` stay, anything
    else becomes ``_``. Names that would coincide, upper and lower case being the same, get ``-2``, ``-3`` and
    so on.

    Args:
        paths: relative paths in sorted order.
    """
    names: list[str] = []
    taken: set[str] = set()
    for path in paths:
        plain = unicodedata.normalize("NFC", "-".join(path.with_suffix("").parts))
        base = re.sub(r"[^\w.-]+", "_", plain).lstrip(".")
        # File systems allow 255 bytes; the end of a long path tells more than its beginning.
        base = base.encode()[-200:].decode(errors="ignore") or "mesh"
        candidates = (base if number == 1 else f"{base}-{number}" for number in range(1, len(paths) + 2))
        name = next(name for name in candidates if name.casefold() not in taken)
        taken.add(name.casefold())
        names.append(name)
    return names
