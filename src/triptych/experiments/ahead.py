"""Compiling the loops of a CPU in processes of their own, while this one has other things to do."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

_IMPORT = f"import gc; gc.disable(); from {__name__} import"
_PROGRAMS = (
    f"{_IMPORT} compile_coding, compile_loops; compile_loops('compare'); compile_coding()",
    f"{_IMPORT} compile_loops; compile_loops('forward', 'backward')",
)
"""About as long each: numba compiles one thing at a time in a process, Python being busy."""


@contextmanager
def compiled_ahead(device: torch.device) -> Iterator[None]:
    """While the block runs, others compile what fitting on a CPU needs; its end waits for them.

    Nothing happens on another device. Where numba finds no folder for what it has compiled, nothing is gained.
    """
    programs = _PROGRAMS if device.type == "cpu" else ()
    others = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for program in programs
    ]
    try:
        yield
        for other in others:
            other.wait()
    finally:
        for other in others:
            other.kill()


def compile_loops(*directions: str) -> None:
    """Those of ``representation.kernels.cpu``."""
    from triptych.representation.kernels.cpu.threads import compiled

    for direction in directions:
        compiled(direction)


def compile_coding() -> None:
    """What writes and reads the planes of compact scenes, by doing so with small ones."""
    from triptych.bank.coding import layout

    start = torch.zeros(3, 8, 8, 1)
    coding = layout.Coding.plain(1, 8)
    layout.decode(layout.encode(torch.ones_like(start), start, coding), start)
