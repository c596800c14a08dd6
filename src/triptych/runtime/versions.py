"""The versions that a result depends on, and the commit of this code."""

import os
import platform
import subprocess
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


def versions() -> dict[str, str]:
    """What a result depends on besides its configuration."""
    return {
        "triptych": __version__,
        "python": platform.python_version(),
        **{library: version(library) for library in ("torch", "numpy", "numba")},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
