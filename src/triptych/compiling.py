"""Numba's cache of compiled code: kept where it can be, and compiled again when any source file has changed."""

import hashlib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any


def compile_cached(decorator: Callable[..., Any], function: Callable[..., Any], **options: Any) -> Any:
    """A function compiled by one of numba's decorators, its code kept on the disk where a folder can be written.

    Args:
        decorator: ``numba.njit``, or whatever else takes ``cache``.
        function: the function; what a run-time type checker may have wrapped around it is taken off.
        options: further arguments of the decorator.
    """
    bare = inspect.unwrap(function)
    try:
        return decorator(cache=True, **options)(bare)
    except RuntimeError:  # neither NUMBA_CACHE_DIR, nor beside the function's file, nor in the home directory
        return decorator(**options)(bare)


def digest_sources(folder: Path) -> int:
    """A number that stands for the content of all Python files in a folder; positive.

    Numba's cache notices changes in the file of the compiled function alone, not in the files of the functions that
    it calls. A function that uses this number from around it is compiled again when any of them has changed.
    """
    sources = sorted(folder.glob("*.py"))
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).digest()
    return int.from_bytes(digest[:7], "little")
