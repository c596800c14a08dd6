"""What each of two ranks does in ``test_ranks``: ``python of_two_ranks.py DATA CACHE OUT``, with the variables that
torchrun sets."""

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from balls import short_stage1
from ranked import CPU

from triptych.cli.endings import one_line_endings
from triptych.data import Dataset, DatasetConfig, dataset_from_arrays, open_dataset
from triptych.errors import InputError
from triptych.training import joint
from triptych.training.conditions import Conditions
from triptych.training.config import Stage1Config
from triptych.training.joining import joined
from triptych.training.ranks import Ranks
from triptych.training.stage1 import train
from triptych.training.step import Work, take_step

STOPPED_BY_TWO, STOPPED_BY_ONE, DISPUTED = "stopped_by_two", "stopped_by_one", "disputed"
WARMUP_STEPS, JOINT_STEPS, STOP_AFTER = 6, 4, 2


def settings() -> Stage1Config:
    """A few steps of each phase: on random pixels, then on shifted views."""
    tiny = short_stage1()
    return replace(
        tiny,
        warmup=replace(tiny.warmup, pixels=48, step_count=WARMUP_STEPS),
        joint=replace(tiny.joint, shift_views=True, step_count=JOINT_STEPS),
    )


def scenes_of(data: Path, cache: Path) -> Dataset:
    """All scenes of stage 1."""
    return open_dataset(DatasetConfig(data, test_views=2, cache=cache), default="train")


@contextmanager
def asked_to_stop(after: int) -> Iterator[list[Work]]:
    """Let this process be asked to stop once it has taken so many steps with scenes; gives what they worked on."""
    works: list[Work] = []

    def step(work: Work, *others: Any) -> Any:
        works.append(work)
        if len(works) == after:
            signal.raise_signal(signal.SIGINT)
        return take_step(work, *others)

    joint.take_step = step
    try:
        yield works
    finally:
        joint.take_step = take_step


def bytes_of_scenes(work: Work) -> dict[str, int]:
    """What a rank holds of its scenes."""
    assert work.latents is not None
    held = sum(tensor.nbytes for tensor in work.scenes.state_dict().values())
    return {"parameters, moments, occupancies": held, "latents": work.latents.nbytes}


def with_another_last_picture(scenes: Dataset) -> Dataset:
    """The same scenes, but for a pixel of the last view of the last one."""
    views = {name: (scenes.images(scene, range(6)), scenes.cameras(scene)) for scene, name in enumerate(scenes.names)}
    views[scenes.names[-1]][0][-1, 0, 0] ^= 1
    return dataset_from_arrays(views, scenes.aabb, test_views=2)


def refused(ranks: Ranks, scenes: Dataset) -> str:
    """What this rank says where its data are others than those of the first one."""
    try:
        ranks.require_same({}, scenes)
    except InputError as error:
        ranks.wait()  # as the others do before they go on
        return str(error)
    return ""


def main(data: Path, cache: Path, out: Path) -> None:
    scenes, tiny = scenes_of(data, cache), settings()
    with joined(CPU) as (ranks, device):
        ours = Conditions(device=device, checkpoint_seconds=1e9, ranks=ranks)
        with asked_to_stop(STOP_AFTER if ranks.number == 1 else -1) as works, suppress(KeyboardInterrupt):
            train(scenes, out / STOPPED_BY_TWO, tiny, ours)
        held = {"steps": len(works), "scenes": works[0].views.dataset.names, **bytes_of_scenes(works[0])}
        (out / f"held_{ranks.number}.json").write_text(json.dumps(held))
        said = refused(ranks, with_another_last_picture(scenes) if ranks.number == 1 else scenes)
        (out / f"refused_{ranks.number}.txt").write_text(said)
        train(scenes, out / STOPPED_BY_ONE, tiny, ours)
        train(scenes, out / DISPUTED, tiny, replace(ours, seed=ranks.number))


if __name__ == "__main__":
    with one_line_endings():
        main(*map(Path, sys.argv[1:]))
