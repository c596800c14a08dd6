"""What is shared over the processes that train together: who they are, sums, answers, rows of scenes.

The scenes are divided over the processes, called ranks, in the order of their names. Each rank holds the parameters,
moments, latents and occupancies of its own scenes alone; all hold the shared parts, whose gradients are summed.
Everything written is written by the first one.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store

from triptych.errors import InputError
from triptych.files import Rows
from triptych.runtime import versions
from triptych.text import shown
from triptych.training.run import differences

Divided = Callable[[str], bool]
_PER_SCENE = ("scenes", "fitted_views")
_BYTES_AT_ONCE = 1 << 26
"""Of rows that go from one rank to another."""


class RankLostError(RuntimeError):
    """Another rank has ended while this one waited for it."""


class Ranks:
    """A process that trains by itself: there is nothing to sum, to ask or to wait for.

    Attributes:
        number: which of the processes this one is, from 0.
        count: how many there are.
        are_together: whether the scenes are divided over processes; each scene then has random numbers of its own, so
            that the result does not depend on how many there are.
    """

    number: int = 0
    count: int = 1
    are_together: bool = False

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes, and speaks."""
        return self.number == 0

    def share(self, scenes: int, of: int | None = None) -> range:
        """The scenes of a rank, of so many; those of this one if not given."""
        rank = self.number if of is None else of
        return range(rank * scenes // self.count, (rank + 1) * scenes // self.count)

    def part(self, rows: Tensor) -> Tensor:
        """This rank's part of what belongs to no rank in particular."""
        return rows[self.number :: self.count]

    def sum(self, tensors: Sequence[Tensor]) -> None:
        """Replace each tensor by its sum over the ranks."""

    def sum_gradients(self, parameters: Iterable[nn.Parameter], numbers: Tensor) -> None:
        """Sum the gradients of parameters, and some numbers beside them, over the ranks; a rank may have none."""

    def any_bits(self, bits: Tensor) -> Tensor:
        """The bits that are set on any rank."""
        return bits

    def largest(self, *values: int) -> list[int]:
        """The largest of each value over the ranks."""
        return list(values)

    def told(self, value: Any) -> Any:
        """What the first rank says, in terms of JSON."""
        return value

    def same_start(self, module: nn.Module) -> None:
        """Let a module begin as it does on the first rank."""

    def rows(self, own: Tensor) -> Iterator[Tensor]:
        """All ranks' rows of an array with a row per scene, a few at a time: on the first rank; the others only give.

        Every rank has to ask for them, and to take all.
        """
        yield own

    def gathered(self, tensors: Mapping[str, Tensor], divided: Divided) -> Mapping[str, Tensor | Rows]:
        """Tensors with all ranks' rows where they are divided, which the first rank takes one by one, as ``rows``.

        Args:
            tensors: what each rank has; the names are the same everywhere.
            divided: whether the tensor of a name has a row for each of the rank's own scenes; the others are the same
                on all ranks.
        """
        return tensors

    def dealt(self, tensors: Mapping[str, Tensor], divided: Divided) -> Mapping[str, Tensor]:
        """The inverse: of the first rank's tensors the whole, or this rank's rows where they are divided."""
        return tensors

    def require_same(self, description: Mapping[str, Any]) -> None:
        """Refuse to train where the ranks are to do different things.

        Args:
            description: what the run is, in terms of JSON.

        Raises:
            InputError: data, settings or versions differ.
        """

    @contextmanager
    def first_here_first(self) -> Iterator[None]:
        """Let one rank of each machine go first, which leaves something to the others: a cache of pictures."""
        yield

    def wait(self) -> None:
        """Until all ranks are here."""


ALONE = Ranks()
"""No other process."""


class Together(Ranks):
    """One of several processes, or of one that torchrun has started; made by ``joining.joined``.

    The default group of ``torch.distributed`` connects them: NCCL between GPUs, gloo for all that is on the CPU.

    Args:
        number: of this process.
        count: of all.
        here: its number on this machine.
        store: where the processes leave notes for each other.
    """

    are_together = True

    def __init__(self, number: int, count: int, here: int, store: Store) -> None:
        self.number = number
        self.count = count
        self._here = here
        self._store = store

    def sum(self, tensors: Sequence[Tensor]) -> None:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        _waiting(lambda: dist.all_reduce(flat))
        for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(part.view(tensor.shape))

    def sum_gradients(self, parameters: Iterable[nn.Parameter], numbers: Tensor) -> None:
        gradients = []
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        self.sum([*gradients, numbers])

    def any_bits(self, bits: Tensor) -> Tensor:
        found = [torch.empty_like(bits) for _ in range(self.count)]
        _waiting(lambda: dist.all_gather(found, bits))  # NCCL has no bitwise sums
        for other in found:
            bits = bits | other
        return bits

    def largest(self, *values: int) -> list[int]:
        found = torch.tensor(values, dtype=torch.int64)
        _waiting(lambda: dist.all_reduce(found, dist.ReduceOp.MAX))
        return found.tolist()

    def told(self, value: Any) -> Any:
        content = torch.frombuffer(bytearray(json.dumps(value).encode()), dtype=torch.uint8)
        (length,) = self.largest(len(content) if self.is_first else 0)
        content = content if self.is_first else torch.empty(length, dtype=torch.uint8)
        _waiting(lambda: dist.broadcast(content, 0))
        return json.loads(content.numpy().tobytes())

    def same_start(self, module: nn.Module) -> None:
        for tensor in module.state_dict().values():
            tensor.copy_(self._from_first(tensor.detach()))

    def rows(self, own: Tensor) -> Iterator[Tensor]:
        return self._rows(own, self._in_all(len(own)))

    def gathered(self, tensors: Mapping[str, Tensor], divided: Divided) -> Mapping[str, Tensor | Rows]:
        found: dict[str, Tensor | Rows] = dict(tensors)
        for name, tensor in tensors.items():
            if divided(name):
                total = self._in_all(len(tensor))
                found[name] = Rows((total, *tensor.shape[1:]), tensor.dtype, self._rows(tensor, total))
        return found

    def dealt(self, tensors: Mapping[str, Tensor], divided: Divided) -> Mapping[str, Tensor]:
        about = self.told({name: [str(of.dtype).removeprefix("torch."), *of.shape] for name, of in tensors.items()})
        found = {}
        for name, (kind, *shape) in about.items():
            whole = (
                tensors.get(name) if self.is_first else torch.empty(shape, dtype=getattr(torch, kind), device="meta")
            )
            assert whole is not None
            found[name] = self._own_rows(whole) if divided(name) else self._from_first(whole)
        return found

    def require_same(self, description: Mapping[str, Any]) -> None:
        own = json.dumps(_short(description))
        self._store.set(f"description of {self.number}", own)
        first = self._store.get("description of 0")
        for name, expected, found in differences(json.loads(first), json.loads(own)):
            raise InputError(
                f"rank {self.number}: {name} is {shown(found)}, but {shown(expected)} on rank 0; give all ranks the "
                "same options, data and version of triptych"
            )
        self.wait()  # nothing is written before all agree

    @contextmanager
    def first_here_first(self) -> Iterator[None]:
        if self._here:
            self.wait()
        yield
        if not self._here:
            self.wait()

    def wait(self) -> None:
        self.largest(0)

    def has_the_word(self) -> bool:
        """Whether this rank is the first that has something to say about the end of all."""
        try:
            return self._store.add("words about the end", 1) == 1
        except RuntimeError:  # the store has ended with the process that held it
            return True

    def _in_all(self, own: int) -> int:
        count = torch.tensor(own)
        _waiting(lambda: dist.all_reduce(count))
        return int(count)

    def _rows(self, own: Tensor, total: int) -> Iterator[Tensor]:
        at_once = max(1, _BYTES_AT_ONCE // max(1, own[:1].nbytes))
        if not self.is_first:
            for part in own.split(at_once):
                _send(part, 0)
            return
        yield from own.split(at_once)
        for rank in range(1, self.count):
            scenes = self.share(total, rank)
            for first in range(0, len(scenes), at_once):
                shape = (min(at_once, len(scenes) - first), *own.shape[1:])
                yield _received(torch.empty(shape, dtype=own.dtype), rank)

    def _own_rows(self, whole: Tensor) -> Tensor:
        """This rank's rows of a tensor that the first rank has; on the others it has its shape alone."""
        shares = [self.share(len(whole), rank) for rank in range(self.count)]
        own = shares[self.number]
        if not self.is_first:
            return _received(torch.empty_like(whole[own.start : own.stop], device="cpu"), 0)
        for rank, scenes in enumerate(shares[1:], 1):
            _send(whole[scenes.start : scenes.stop], rank)
        return whole[own.start : own.stop]

    def _from_first(self, tensor: Tensor) -> Tensor:
        content = (
            tensor.detach().cpu().contiguous().clone() if self.is_first else torch.empty_like(tensor, device="cpu")
        )
        if content.numel():
            _waiting(lambda: dist.broadcast(_bytes(content), 0))
        return content


def _short(description: Mapping[str, Any]) -> dict[str, Any]:
    """A description with the version, and digests in the place of what has an entry per scene."""
    numbers = {name: versions()[name] for name in ("triptych", "torch")}
    listed = {name: _digest(value) for name, value in description.items() if name in _PER_SCENE}
    return json.loads(json.dumps({**description, **listed, "versions": numbers}, default=str))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]


def _send(tensor: Tensor, rank: int) -> None:
    content = _bytes(tensor.detach().cpu().contiguous())
    if len(content):
        _waiting(lambda: dist.send(content, rank))


def _received(empty: Tensor, rank: int) -> Tensor:
    if empty.numel():
        _waiting(lambda: dist.recv(_bytes(empty), rank))
    return empty


def _bytes(tensor: Tensor) -> Tensor:
    """The memory of a contiguous tensor on the CPU."""
    return tensor.reshape(-1).view(torch.uint8)


def _waiting(work: Callable[[], object]) -> None:
    """Take part in what all ranks do.

    Raises:
        RankLostError: another one has ended.
    """
    try:
        work()
    except RuntimeError as error:
        if isinstance(error, torch.OutOfMemoryError):
            raise
        raise RankLostError(str(error)) from None


def require_scenes(ranks: Ranks, scenes: int) -> None:
    """Refuse more ranks than scenes.

    Raises:
        InputError: some would have none.
    """
    if scenes < ranks.count:
        raise InputError(f"{scenes} scene(s) for {ranks.count} ranks: start at most {scenes}, so that each has one")
