"""What each of two ranks does in ``test_ranks_of_predictor``, with the variables that torchrun sets:
``python predictor_of_two_ranks.py MODEL DATA CACHE OUT``."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from ranked import CPU
from torch import Tensor

from triptych.cli.endings import one_line_endings
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.model import CategoryModel
from triptych.model.predictor import PredictorConfig
from triptych.training.conditions import Conditions
from triptych.training.joining import joined
from triptych.training.predicting.config import PredictorTraining
from triptych.training.predicting.run import train_predictor
from triptych.training.predicting.trainer import PredictorTrainer

STOPPED_BY_TWO, STOPPED_BY_ONE, KILLED = "stopped_by_two", "stopped_by_one", "killed"
STOP_AFTER = 3
NETWORK = PredictorConfig(
    cells=512,
    cell_features=4,
    cell_hidden=8,
    widths=(8, 8),
    blocks=1,
    corrections=1,
    repeats=2,
    correction_widths=(8,),
    samples=8,
)
SETTINGS = PredictorTraining(
    network=NETWORK,
    steps=8,
    scenes_per_step=3,  # which two ranks cannot share evenly
    repeat_steps=4,
    ramp_steps=2,
    samples=8,
    asked_views=2,
    held_out=2,
    measurements=2,
)


def scenes_of(data: Path, cache: Path) -> Dataset:
    return open_dataset(DatasetConfig(data, test_views=2, cache=cache))


@contextmanager
def signaled(number: signal.Signals, after: int) -> Iterator[None]:
    """Send this process a signal in the step of this number, from 1 on."""
    losses, taken = PredictorTrainer.losses, 0

    def disturbed(trainer: PredictorTrainer, step: int) -> dict[str, Tensor]:
        nonlocal taken
        taken += 1
        if taken == after:
            signal.raise_signal(number)
        return losses(trainer, step)

    PredictorTrainer.losses = disturbed
    try:
        yield
    finally:
        PredictorTrainer.losses = losses


def main(model: Path, data: Path, cache: Path, out: Path) -> None:
    plain, scenes = CategoryModel.load(model), scenes_of(data, cache)
    with joined(CPU) as (ranks, device):
        ours = Conditions(device=device, checkpoint_seconds=1e9, ranks=ranks)
        last = ranks.number == 1
        with signaled(signal.SIGINT, STOP_AFTER if last else -1), suppress(KeyboardInterrupt):
            train_predictor(plain, scenes, out / STOPPED_BY_TWO, SETTINGS, ours)
        train_predictor(plain, scenes, out / STOPPED_BY_ONE, SETTINGS, ours)
        with signaled(signal.SIGKILL, STOP_AFTER if last else -1):
            train_predictor(plain, scenes, out / KILLED, SETTINGS, replace(ours, checkpoint_seconds=0.0))


if __name__ == "__main__":
    with one_line_endings():
        main(*map(Path, sys.argv[1:]))
