"""What is shared over the processes that train together: who they are, sums, answers, rows of scenes.

The scenes are divided over the processes, called ranks, in the order of their names. Each rank holds the parameters,
moments, latents and occupancies of its own scenes alone; all hold the shared parts, whose gradients are summed.
Everything written is written by the first one.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from triptych.data import Dataset
from triptych.errors import InputError
from triptych.files import Rows

Divided = Callable[[str], bool]


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

    def require_same(self, description: Mapping[str, Any], dataset: Dataset) -> None:
        """Refuse to train where the ranks are to do different things.

        Args:
            description: what the run is, in terms of JSON.
            dataset: what it is trained on; of the scenes, all cameras and pictures count.

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


def require_scenes(ranks: Ranks, scenes: int) -> None:
    """Refuse more ranks than scenes.

    Raises:
        InputError: some would have none.
    """
    if scenes < ranks.count:
        raise InputError(f"{scenes} scene(s) for {ranks.count} ranks: start at most {scenes}, so that each has one")
