"""Who does work that falls into parts, such as groups of scenes: this process, or many (`triptych.runtime.on_ray`)."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable

import torch

from triptych.runtime.config import DeviceName
from triptych.runtime.devices import choose_device

Shared = TypeVar("Shared")
Part = TypeVar("Part")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lost:
    """What stands for the result of a part that several workers have died of.

    Attributes:
        reason: what is known of it, in a line.
    """

    reason: str


@runtime_checkable
class Workers(Protocol):
    """Who does the parts."""

    @property
    def are_here(self) -> bool:
        """Whether it is this process, so that memory, devices and folders are those that it has."""
        ...

    def choose_device(self, name: DeviceName) -> torch.device:
        """The device of that name; auto takes CUDA GPUs if there are some, else CPUs.

        Raises:
            InputError: they have no such device.
        """
        ...

    def count(self, device: torch.device) -> int:
        """How many parts are worked on at the same time."""
        ...

    def map(
        self,
        work: Callable[[Shared, Part], Result],
        shared: Shared,
        parts: Iterable[Part],
        device: torch.device,
    ) -> Iterator[tuple[Part, Result | Lost]]:
        """Do every part.

        Args:
            work: a function of a module, which does one part.
            shared: what it is given besides, the same for all parts.
            parts: taken when there is somebody to do them, not before.
            device: what the work computes on.

        Yields:
            each part with its result, as they come.

        Raises:
            InputError: what the work raises, and ``OSError`` and ``MemoryError`` so; or nobody can do it.
        """
        ...


class ThisProcess:
    """One part after the other, here."""

    @property
    def are_here(self) -> bool:
        return True

    def choose_device(self, name: DeviceName) -> torch.device:
        return choose_device(name)

    def count(self, device: torch.device) -> int:
        return 1

    def map(
        self,
        work: Callable[[Shared, Part], Result],
        shared: Shared,
        parts: Iterable[Part],
        device: torch.device,
    ) -> Iterator[tuple[Part, Result | Lost]]:
        for part in parts:
            yield part, work(shared, part)


@contextmanager
def open_workers(ray: str | None) -> Iterator[Workers]:
    """This process, or the workers of a Ray cluster until the block ends; see ``ray_workers``."""
    if ray is None:
        yield ThisProcess()
        return
    from triptych.runtime.on_ray import ray_workers

    with ray_workers(ray) as workers:
        yield workers
