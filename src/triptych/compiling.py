"""Code compiled by numba and kept on the disk, until any source file that it comes from changes."""

import hashlib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def compile_cached(
    decorator: Callable[..., Any], function: Callable[..., Any], *, sources: Sequence[Path] = (), **options: Any
) -> Any:
    """A function compiled by one of numba's decorators, its code kept on the disk where a folder can be written.

    Args:
        decorator: ``numba.njit``, or whatever else takes ``cache``.
        function: what to compile; what a run-time type checker may have wrapped around it is taken off.
        sources: the folders and files that hold what the function calls, and its constants. Numba itself notices
            changes in the file of the function alone.
        options: further arguments of the decorator.
    """
    bare: Any = inspect.unwrap(function)
    if sources:
        bare.__qualname__ += f"_{_digest(sources)}"  # the name of the file that numba keeps the code in
    try:
        return decorator(cache=True, **options)(bare)
    except RuntimeError:  # neither NUMBA_CACHE_DIR, nor beside the function's file, nor in the home directory
        return decorator(**options)(bare)


def compile_inner(function: Callable[..., Any]) -> Any:
    """A function that only compiled ones call; what a run-time type checker may have wrapped around it is taken off."""
    from numba import njit

    return njit(inspect.unwrap(function))


def compile_within(function: Callable[..., Any]) -> Any:
    """The same, compiled anew within each function that calls it, so that its constant arguments are constants."""
    from numba import njit

    return njit(inspect.unwrap(function), inline="always")


def _digest(sources: Sequence[Path]) -> str:
    files = [file for source in sources for file in (sorted(source.glob("*.py")) if source.is_dir() else [source])]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
