"""Several processes that train together, connected by ``torch.distributed``."""

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import Store

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.files import Rows
from triptych.runtime import versions
from triptych.text import shown
from triptych.training.ranks import Divided, RankLostError, Ranks
from triptych.training.run import differences

_PER_SCENE = ("scenes", "fitted_views")
_BYTES_AT_ONCE = 1 << 26
"""Of rows that go from one rank to another."""


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
        self._compared = 0

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
            whole = tensors[name] if self.is_first else torch.empty(shape, dtype=getattr(torch, kind), device="meta")
            found[name] = self._own_rows(whole) if divided(name) else self._from_first(whole)
        return found

    def require_same(self, description: Mapping[str, Any], dataset: Dataset) -> None:
        self._compared += 1
        note, own = f"description {self._compared} of the first rank", _short({**description, **dataset.digests()})
        if self.is_first:
            self._store.set(note, json.dumps(own))
        for name, expected, found in differences(json.loads(self._store.get(note)), own):
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

    def part_ways(self) -> None:
        """Let go of the other ranks."""
        dist.destroy_process_group()

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
            return _received(torch.empty((len(own), *whole.shape[1:]), dtype=whole.dtype), 0)
        for rank, scenes in enumerate(shares[1:], 1):
            _send(whole[scenes.start : scenes.stop], rank)
        return whole[own.start : own.stop]

    def _from_first(self, tensor: Tensor) -> Tensor:
        """A tensor of the first rank; on the others only shape and type count."""
        content = torch.empty(tensor.shape, dtype=tensor.dtype)  # not its order in memory
        if self.is_first:
            content.copy_(tensor)
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
    return tensor.view(-1).view(torch.uint8)


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
        where = re.compile(r"^\[[^]]*] ")  # in the source of torch
        raise RankLostError(where.sub("", str(error)).partition(". ")[0]) from None
