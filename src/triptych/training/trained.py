"""What stage 1 leaves of its scenes: where new ones start, and a bank."""

from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.bank import SceneBank, StoredScene
from triptych.data import Dataset
from triptych.data.evenly import evenly
from triptych.files import atomic_directory
from triptych.model import CategoryModel
from triptych.model.modes import modes_of, no_modes
from triptych.representation.occupancy import find_occupancy
from triptych.training.config import SkippingConfig
from triptych.training.freeing import own_features
from triptych.training.provenance import Provenance
from triptych.training.ranks import Ranks
from triptych.training.scenes import SceneParameters

_SCENES_AT_ONCE = 16
_SCENES_OF_MODES = 256


@torch.no_grad()
def set_start(model: CategoryModel, scenes: SceneParameters, skipping: SkippingConfig, ranks: Ranks) -> None:
    """New scenes start from the mean of the trained ones, and are sampled where any of these has matter."""
    count, share = len(scenes.visits), len(scenes.visits) / len(model.trained_scenes)
    device = model.aabb.device
    means = [(share * rows.values.mean(dim=0)).to(device) for rows in (scenes.micro, scenes.coefficients)]
    ranks.sum(means)
    model.start_micro.copy_(means[0])
    model.start_coefficients.copy_(means[1])
    model.start_occupancy.zero_()
    for part in torch.arange(count).split(_SCENES_AT_ONCE):
        field = model.field(*scenes.leaves(part))
        for bits in find_occupancy(field, empty_optical_depth=skipping.empty_optical_depth):
            model.start_occupancy.bitwise_or_(bits)
    model.start_occupancy.copy_(ranks.any_bits(model.start_occupancy))


def store_scenes(
    dataset: Dataset,
    trained_with: CategoryModel,
    model: CategoryModel,
    scenes: SceneParameters,
    folder: Path,
    ranks: Ranks,
) -> None:
    """Write the bank of all scenes; over several ranks the first one does, the others give it theirs.

    Args:
        dataset: all scenes.
        trained_with: what they were trained with.
        model: what they are rendered with, the same or ``freed`` of it.
        scenes: those of this rank.
        folder: of the bank; what an interrupted run has left there is replaced.
        ranks: the processes that have trained them.
    """
    coefficients = [row for part in ranks.rows(scenes.coefficients.values) for row in part]
    micro = (row for part in ranks.rows(scenes.micro.values) for row in part)
    if not ranks.is_first:
        deque(micro, maxlen=0)
        return
    parts = zip(micro, coefficients, strict=True)
    own = ((own_features(trained_with, *each, model.config.planes), each[1]) for each in parts)
    with atomic_directory(folder) as temporary:
        bank = SceneBank.create(temporary, model)
        bank.add_all(_stored(dataset, own))


def modes_of_bank(folder: Path, model: CategoryModel, count: int) -> Float[Tensor, "mode 3 m m micro"]:
    """Modes of variation of the scenes of a bank, or of some of them, evenly chosen, where there are very many.

    Args:
        folder: of the bank.
        model: its category model.
        count: how many modes at most.
    """
    bank = SceneBank(folder)
    if not count or not model.start_micro.numel() or len(bank) < 2:
        return no_modes(model.start_micro)
    chosen = evenly(bank.names(), _SCENES_OF_MODES)
    return modes_of([bank.scene(name).micro.float() for name in chosen], model.start_micro, count)


def _stored(dataset: Dataset, scenes: Iterable[tuple[Tensor, Tensor]]) -> Iterator[tuple[str, StoredScene]]:
    for number, (micro, coefficients) in enumerate(scenes):
        record = {"stage": 1, **Provenance.of(dataset, number).record()}
        yield dataset.names[number], StoredScene(micro, coefficients, dataset.fingerprints[number], record)
