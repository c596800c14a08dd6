"""The views that a training loop draws from, in random order."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from triptych.data import Dataset
from triptych.geometry import Cameras
from triptych.pictures import from_pixels
from triptych.runtime import sent


@dataclass(frozen=True)
class Batch:
    """Views grouped by scene.

    Attributes:
        rows: index of each view in the ``PosedViews``.
        scenes: the distinct scenes, ascending.
        views_per_scene: number of the batch's views in each of them.
    """

    rows: Int[Tensor, " view"]
    scenes: Int[Tensor, " scene"]
    views_per_scene: list[int]


class PosedViews:
    """The training (or the test) views of some scenes, one number each; their pictures stay on the disk."""

    def __init__(self, dataset: Dataset, use: str = "train") -> None:
        self.dataset = dataset
        self.views_of = [getattr(dataset.views(scene), use) for scene in range(len(dataset))]
        self.scene_of_row = np.repeat(np.arange(len(dataset)), [len(views) for views in self.views_of])
        self.view_of_row = np.concatenate([np.asarray(views, dtype=np.int64) for views in self.views_of])
        cameras = [dataset.cameras(scene)[list(views)] for scene, views in enumerate(self.views_of)]
        self._cameras = Cameras(
            torch.cat([part.c2w for part in cameras]),
            torch.cat([part.intrinsics for part in cameras]),
            dataset.height,
            dataset.width,
        )
        self._order: tuple[int, int, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.scene_of_row)

    def rows_of(self, scene: int) -> list[int]:
        """The rows of one scene's views."""
        return np.flatnonzero(self.scene_of_row == scene).tolist()

    @cached_property
    def numbers(self) -> Int[Tensor, " view"]:
        """Which of its scene's views each is, from 0."""
        of_scene = self.scene_of_row
        return torch.from_numpy(np.arange(len(of_scene)) - np.searchsorted(of_scene, of_scene))

    def group(self, rows: Sequence[int] | Int[Tensor, " view"]) -> Batch:
        """A batch of these views, sorted by scene."""
        chosen = np.sort(np.asarray(rows))
        scenes, counts = np.unique(self.scene_of_row[chosen], return_counts=True)
        return Batch(torch.from_numpy(chosen), torch.from_numpy(scenes), counts.tolist())

    def batch(self, step: int, size: int, seed: int) -> Batch:
        """The views of a step: each epoch is one seeded shuffle of all views, cut into batches.

        A batch depends on its step alone, so that a resumed run sees the same ones. The last batch of an epoch
        continues into the next shuffle.
        """
        first = step * size
        numbers = range(first, first + min(size, len(self)))
        rows = {int(self._shuffle(number // len(self), seed)[number % len(self)]) for number in numbers}
        return self.group(sorted(rows))

    def images(self, batch: Batch, device: torch.device) -> Float[Tensor, "view 3 height width"]:
        """Pictures of a batch in [0, 1]."""
        parts = [self.dataset.images(scene, views) for scene, views in self._by_scene(batch)]
        return from_pixels(np.concatenate(parts), device)

    def opacities(self, batch: Batch) -> Float[Tensor, "view height width"]:
        """How opaque the pixels of a batch's pictures are, from 0 to 1, on the CPU; -1 where pictures do not say it."""
        parts = []
        for scene, views in self._by_scene(batch):
            alpha = self.dataset.alpha(scene, views)
            shape = len(views), *self.dataset.picture_size
            parts.append(torch.full(shape, -1.0) if alpha is None else torch.from_numpy(alpha).float() / 255)
        return torch.cat(parts)

    def with_alpha(self, batch: Batch) -> UInt8[np.ndarray, "view height width channel"]:
        """Pictures of a batch as bytes; see ``Dataset.with_alpha``."""
        return np.concatenate([self.dataset.with_alpha(scene, views) for scene, views in self._by_scene(batch)])

    @cached_property
    def know_opacity(self) -> Bool[Tensor, " view"]:
        """The views whose pictures say how opaque their pixels are."""
        of_scenes = np.array([self.dataset.has_alpha(scene) for scene in range(len(self.dataset))])
        return torch.from_numpy(of_scenes[self.scene_of_row])

    def cameras(self, batch: Batch, device: torch.device) -> Cameras:
        """Cameras of a batch."""
        return self._cameras[batch.rows].to(device)

    def shifted(
        self, batch: Batch, below: int, generators: Sequence[torch.Generator], device: torch.device
    ) -> tuple[Cameras, Float[Tensor, "view 3 height width"]]:
        """Cameras and pictures of a batch, each moved by random whole pixels in x and y from 0 up to, not including,
        ``below``; each scene's offsets follow from its own generator."""
        drawn = zip(batch.views_per_scene, generators, strict=True)
        offsets = torch.cat([torch.randint(below, (count, 2), generator=generator) for count, generator in drawn])
        return self.cameras(batch, device).shifted(offsets), shift_images(self.images(batch, device), offsets)

    def _by_scene(self, batch: Batch) -> Iterator[tuple[int, list[int]]]:
        """Each scene of a batch, and the numbers of its views."""
        for rows in batch.rows.split(batch.views_per_scene):
            yield int(self.scene_of_row[rows[0]]), self.view_of_row[rows.numpy()].tolist()

    def _shuffle(self, epoch: int, seed: int) -> Int[Tensor, " view"]:
        if self._order is None or self._order[:2] != (epoch, seed):
            generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
            self._order = (epoch, seed, torch.randperm(len(self), generator=generator))
        return self._order[2]


def shift_images(
    images: Float[Tensor, "view 3 height width"], offsets: Int[Tensor, "view 2"]
) -> Float[Tensor, "view 3 height width"]:
    """What ``Cameras.shifted`` sees: pictures that begin (x, y) pixels to the right and below.

    The last column and row are repeated where the picture ends, which is right where the background reaches its edge.
    """
    height, width = images.shape[2:]
    rows, columns = torch.arange(height) + offsets[:, 1:], torch.arange(width) + offsets[:, :1]
    rows, columns = (
        sent(places.clamp_max(most - 1), images.device) for places, most in ((rows, height), (columns, width))
    )
    view = torch.arange(len(images), device=images.device)[:, None, None]
    return images.permute(0, 2, 3, 1)[view, rows[:, :, None], columns[:, None]].permute(0, 3, 1, 2)
