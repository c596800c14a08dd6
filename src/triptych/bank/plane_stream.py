"""The planes of a bank as a stream, in about the order of the disk, for banks of any size."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import distributed
from torch.utils.data import IterableDataset, get_worker_info

from triptych.bank.scene_planes import Item, ScenePlanes

_BLOCK_BYTES = 4 << 20
"""Scenes that are read in one go."""
_LEAST, _MOST = 16, 1024
_MIXED = 8
"""Blocks whose scenes are shuffled among each other."""


class PlaneStream(IterableDataset[Item]):
    """An iterable torch ``Dataset`` over the scenes of a `ScenePlanes`, with the same items.

    Every scene comes once per epoch, to one worker of one rank. Shuffled, blocks of scenes that lie beside each other
    come in random order, and the scenes of several blocks are mixed in memory (32 MiB, or 128 scenes where these take
    more), so that the disk is read in long runs. For another order in each epoch call ``set_epoch``. ``DataLoader``
    takes it without its own ``shuffle`` and ``sampler``.
    """

    def __init__(
        self,
        planes: ScenePlanes,
        *,
        shuffle: bool = True,
        seed: int = 0,
        rank: int | None = None,
        ranks: int | None = None,
    ) -> None:
        """A stream of scenes.

        Args:
            planes: the scenes.
            shuffle: in random order; then all ranks get equally many scenes, and some are left out for it, in each
                epoch others. Else in the order in which they were added, and no scene is left out.
            seed: the order follows from it and from the epoch.
            rank: which of several processes that share the scenes; by default that of ``torch.distributed``.
            ranks: how many these are; by default as ``torch.distributed`` says, or one.
        """
        spread = distributed.is_available() and distributed.is_initialized()
        self._rank = rank if rank is not None else distributed.get_rank() if spread else 0
        self._ranks = ranks if ranks is not None else distributed.get_world_size() if spread else 1
        self._planes, self._shuffle, self._seed = planes, shuffle, seed
        self._on_disk = planes.places[np.lexsort((planes.places["id"], planes.places["file"]))]
        self._epoch = torch.zeros(1, dtype=torch.int64).share_memory_()  # workers that stay see it, too
        bytes_of_scene = max(1, int(np.prod(planes.planes_shape)) * (4 if planes.bank.precision == "float32" else 2))
        self._block = min(_MOST, max(_LEAST, _BLOCK_BYTES // bytes_of_scene))

    def set_epoch(self, epoch: int) -> None:
        """Choose the order of the next iteration."""
        self._epoch[0] = epoch

    def __len__(self) -> int:
        """Scenes of this rank."""
        start, stop = self._share_of_rank()
        return stop - start

    def __iter__(self) -> Iterator[Item]:
        """The scenes of this worker.

        Raises:
            InputError: one of them is damaged.
        """
        random = np.random.default_rng([self._seed, int(self._epoch[0])])
        order = self._order(random)[slice(*self._share_of_worker())]
        random = np.random.default_rng([self._seed, int(self._epoch[0]), *self._share_of_worker()])
        for start in range(0, len(order), self._block * _MIXED):
            chunk = order[start : start + self._block * _MIXED]
            yield from self._mixed(np.sort(chunk), random) if self._shuffle else self._read(chunk)

    def _order(self, random: np.random.Generator) -> np.ndarray:
        """All scenes, as positions in the order of the disk; shuffled, whole blocks of them."""
        count = len(self._planes)
        if not self._shuffle:
            return np.arange(count)
        starts = random.permutation(np.arange(0, count, self._block))
        return np.concatenate([np.arange(start, min(start + self._block, count)) for start in starts])

    def _share_of_rank(self) -> tuple[int, int]:
        count = len(self._planes)
        if self._shuffle:
            count -= count % self._ranks
        return count * self._rank // self._ranks, count * (self._rank + 1) // self._ranks

    def _share_of_worker(self) -> tuple[int, int]:
        start, stop = self._share_of_rank()
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        count = stop - start
        return start + count * worker // workers, start + count * (worker + 1) // workers

    def _mixed(self, positions: np.ndarray, random: np.random.Generator) -> Iterator[Item]:
        rows = [row for run in self._runs(positions) for row in self._planes.rows(*run)]
        return (self._planes.item(rows[number]) for number in random.permutation(len(rows)))

    def _read(self, positions: np.ndarray) -> Iterator[Item]:
        return (self._planes.item(row) for run in self._runs(positions) for row in self._planes.rows(*run))

    def _runs(self, positions: np.ndarray) -> Iterator[tuple[int, int, int]]:
        """File, first and last id of scenes that lie beside each other, a block of them at most."""
        places = self._on_disk[positions]
        cuts = np.flatnonzero((np.diff(places["id"]) != 1) | (np.diff(places["file"]) != 0)) + 1
        for run in np.split(places, cuts):
            for start in range(0, len(run), self._block):
                part = run[start : start + self._block]
                yield int(part["file"][0]), int(part["id"][0]), int(part["id"][-1])
