"""The same for each of several things, some of them at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import torch

from triptych.runtime.devices import free_memory

Thing = TypeVar("Thing")
Result = TypeVar("Result")

_MOST = 4
"""Threads: more would wait for Python, and each of them has torch's threads to itself."""
_SHARE = 0.25
"""Of a device's free memory, for all that are done at the same time."""


def on_each(
    work: Callable[[Thing], Result],
    things: Sequence[Thing],
    device: torch.device | None = None,
    size: int = 1,
) -> list[Result]:
    """Results in the order of the things: of the first, then of the others, as many at a time as torch has threads.

    What computes little at once leaves most of a machine idle: a GPU waits for Python, and all cores but one wait for
    a loop that is not parallel. What has to be compiled mostly is so by the first. Where a GPU's memory does not do for
    several, all are done one by one.

    Args:
        work: gives the same whatever is done beside it, and when it is done again. Threads begin with torch's own
            settings, gradients included.
        things: what to do it with.
        device: where it is done; None for the CPU.
        size: bytes of the device's memory that one takes meanwhile, where these are many.
    """
    room = int(_SHARE * free_memory(device or torch.device("cpu"))) // size
    threads = min(torch.get_num_threads(), len(things) - 1, room, _MOST)
    if threads < 2:
        return [work(thing) for thing in things]
    with suppress(torch.OutOfMemoryError), ThreadPoolExecutor(threads) as pool:
        return [work(things[0]), *pool.map(work, things[1:])]
    torch.cuda.empty_cache()  # here the error, which holds what had been computed, has ended
    return [work(thing) for thing in things]
