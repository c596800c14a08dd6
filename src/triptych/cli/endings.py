"""How a command ends that could not do what it was asked to: one line, and an exit code."""

import errno
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

from triptych.errors import InputError, Terminated
from triptych.text import one_line

BAD_INPUT, STOPPED, READER_GONE, TERMINATED = 2, 130, 141, 143
"""Exit codes: the input or the machine does not allow it; Ctrl-C; nobody reads the output any more; SIGTERM."""
_REMEDIES = {
    errno.ENOSPC: "free some space or choose another folder, then run the same command again",
    errno.EDQUOT: "free some space or choose another folder, then run the same command again",
    errno.EACCES: "allow it or choose another place, then run the same command again",
    errno.EPERM: "allow it or choose another place, then run the same command again",
    errno.EROFS: "choose another place",
    errno.ENOENT: "look at the path",
    errno.ENOTDIR: "expected a folder there; choose another path",
    errno.EISDIR: "expected a file there; choose another path",
    errno.EEXIST: "something else is there; choose another path",
    errno.ENAMETOOLONG: "choose a shorter path",
    errno.EMFILE: "allow more open files (ulimit -n)",
    errno.ENOMEM: "close other programs or choose smaller sizes",
}


@contextmanager
def one_line_endings() -> Iterator[None]:
    """Let bad input and a machine that cannot do it end the process with one line on standard error and exit code 2,
    Ctrl-C with 130, SIGTERM with 143. Anything else is a fault of ours and keeps its traceback. Warnings are lines,
    too."""
    usual, warnings.formatwarning = warnings.formatwarning, lambda message, *_: f"{one_line(str(message))}\n"
    try:
        yield
        sys.stdout.flush()
    except InputError as error:
        _fail(*error.args)
    except BrokenPipeError:
        _forget_output()
        sys.exit(READER_GONE)
    except OSError as error:
        _fail(_about(error))
    except (MemoryError, RuntimeError) as error:
        if not _is_out_of_memory(error):
            raise
        _fail("not enough memory; choose smaller sizes or batches, or close other programs")
    except KeyboardInterrupt as stop:
        sys.stderr.write("stopped; what is saved stays, run the same command again to go on\n")
        sys.exit(TERMINATED if isinstance(stop, Terminated) else STOPPED)
    finally:
        warnings.formatwarning = usual


def _fail(*lines: str) -> NoReturn:
    sys.stderr.write("".join(f"triptych: {one_line(str(line))}\n" for line in lines))
    try:
        sys.stdout.flush()
    except OSError:
        _forget_output()
    sys.exit(BAD_INPUT)


def _about(error: OSError) -> str:
    places = " -> ".join(os.fsdecode(place) for place in (error.filename, error.filename2) if place is not None)
    what = f"{places}: {error.strerror}" if places and error.strerror else str(error) or type(error).__name__
    remedy = _REMEDIES.get(error.errno or 0)
    return f"{what}; {remedy}" if remedy else what


def _is_out_of_memory(error: Exception) -> bool:
    """torch's allocators say so in the message of a RuntimeError, that of the CPU by this alone."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "can't allocate memory" in words


def _forget_output() -> None:
    """What is still to be written goes nowhere, so that the interpreter does not try once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
