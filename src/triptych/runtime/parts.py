"""Work on many things, such as views, for which a GPU's memory may not do at the same time."""

import warnings
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")


def warn(line: str) -> None:
    """Say it to whoever listens to Python's warnings; the command line shows these as lines."""
    warnings.warn(line, stacklevel=2)


class Parts:
    """Into how many parts such work is divided, one after the other: twice as many as soon as memory has not done.

    Args:
        note: where to say so.

    Attributes:
        count: the number of parts.
    """

    def __init__(self, note: Callable[[str], object] = warn) -> None:
        self.count = 1
        self._note = note

    def done(self, work: Callable[[int], Result], things: int, kind: str) -> Result:
        """Do some work, from its beginning as often as it has to be divided further.

        Args:
            work: told into how many parts to divide it, at most as many as there are things.
            things: how many there are.
            kind: what they are called, in the plural.

        Raises:
            torch.OutOfMemoryError: there is not even room for one.
        """
        while True:
            count = min(self.count, max(things, 1))
            try:
                return work(count)
            except torch.OutOfMemoryError:
                if count >= things:
                    raise
            torch.cuda.empty_cache()  # here the error, which holds what had been computed, has ended
            if self.count < 2 * count:  # else another thread has found so meanwhile
                self.count = 2 * count
                self._note(
                    f"note: the GPU's memory does not do for {things} {kind} at the same time: they are taken in "
                    f"{self.count} parts from here on, which takes longer"
                )
