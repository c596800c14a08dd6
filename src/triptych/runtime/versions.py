"""The versions that a result depends on, and the commit of this code."""

import hashlib
import os
import platform
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from triptych.version import __version__


def commit() -> str | None:
    """The git commit that this code was checked out from, with a + when files have changed since; None outside git."""
    here = Path(__file__).parent
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--exclude=*", "--dirty=+"],
            cwd=here, capture_output=True, text=True, check=True,
        )  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return None
    return found.stdout.strip()


@cache
def code() -> str:
    """The version of triptych and a digest of its source, by which checkouts of one version differ."""
    root, digest = Path(__file__).parents[1], hashlib.sha256()
    for file in sorted(root.rglob("*.py")):
        digest.update(f"{file.relative_to(root).as_posix()}\n".encode())
        digest.update(file.read_bytes())
    return f"{__version__}, {digest.hexdigest()[:12]}"


def versions() -> dict[str, str]:
    """What a result depends on besides its configuration."""
    return {
        "triptych": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in ("torch", "numpy", "numba")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
