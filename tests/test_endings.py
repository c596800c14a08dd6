"""How the command line ends when it cannot do what it was asked to."""

import errno
import os
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch

from triptych.cli.endings import one_line_endings
from triptych.errors import InputError


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (InputError("data: two\nlines \x1b[31m"), "triptych: data: two\\nlines \\x1b[31m"),
        (
            OSError(errno.ENOSPC, "No space left on device", "bank"),
            "triptych: bank: No space left on device; free some",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "triptych: [Errno 28] No space left on device; free some"),
        (FileNotFoundError(errno.ENOENT, "No such file", "a.png"), "triptych: a.png: No such file; look at the path"),
        (IsADirectoryError(errno.EISDIR, "Is a directory", b"x"), "triptych: x: Is a directory; expected a file"),
        (OSError(errno.EIO, "Input/output error", "a", None, "b"), "triptych: a -> b: Input/output error"),
        (OSError("cannot identify image file"), "triptych: cannot identify image file"),
        (TimeoutError(), "triptych: TimeoutError"),
        (MemoryError(), "triptych: not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"), "triptych: not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "triptych: not enough memory"),
    ],
)
def test_what_the_input_or_the_machine_does_not_allow_is_one_line(
    error: Exception, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended, one_line_endings():
        raise error
    assert ended.value.code == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(line)


def test_several_problems_are_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), one_line_endings():
        raise InputError("one", "another")
    assert capsys.readouterr().err == "triptych: one\ntriptych: another\n"


@pytest.mark.parametrize(
    "error", [TypeError("x"), AssertionError(), ValueError("x"), RuntimeError("a bug"), KeyError(1)]
)
def test_our_own_faults_keep_their_traceback(error: Exception) -> None:
    with pytest.raises(type(error)), one_line_endings():
        raise error


def test_a_warning_is_a_line() -> None:
    usual = warnings.formatwarning
    with one_line_endings():
        assert warnings.formatwarning("note: in\nparts", UserWarning, "parts.py", 1) == "note: in\\nparts\n"
    assert warnings.formatwarning is usual


def test_ctrl_c_ends_with_130(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, one_line_endings():
        raise KeyboardInterrupt
    assert ended.value.code == 130
    assert "stopped" in capsys.readouterr().err


SAY = """
from triptych.cli.endings import one_line_endings
from triptych.cli.options import say
with one_line_endings():
    for number in range({lines}):
        say("line" * 100)
"""


def ended(lines: int, out: int) -> subprocess.CompletedProcess[str]:
    program = [sys.executable, "-c", SAY.format(lines=lines)]
    return subprocess.run(program, stdout=out, stderr=subprocess.PIPE, text=True, check=False)


@pytest.mark.parametrize("lines", [1, 1000])
def test_a_reader_that_is_gone_is_not_talked_to(lines: int) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    found = ended(lines, writing)
    os.close(writing)
    assert (found.returncode, found.stderr) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_an_output_that_is_full_is_one_line() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    found = ended(1000, full)
    os.close(full)
    assert found.returncode == 2
    assert found.stderr.count("\n") == 1
    assert "No space left on device" in found.stderr
