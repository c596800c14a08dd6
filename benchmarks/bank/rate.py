"""Bytes of compact scenes against their quality: rate and distortion.

    python benchmarks/bank/rate.py BANK [--decibels 57 47 ...] [--scenes 6]

BANK was fitted with --precision float32, so that its scenes are not rounded yet. For each goal (PSNR between pictures
of a scene before it is rounded and after), prints the mean over scenes of the bytes of their micro planes and of what
they lose on their test views, and the processor time that rounding and reading take.
"""

import statistics
import time
from pathlib import Path

import torch
import tyro

from triptych import Scene, open_scenes
from triptych.bank import compare_views
from triptych.bank.coding import layout
from triptych.bank.coding.sensitivity import rounded
from triptych.evaluation.config import BankDataConfig
from triptych.evaluation.held_out import find_on_disk
from triptych.metrics import mean
from triptych.progress import Progress


def main(
    bank: tyro.conf.Positional[Path],
    model: Path | None = None,
    decibels: tuple[float, ...] = (72.0, 62.0, 57.0, 52.0, 47.0, 42.0, 37.0, 32.0),
    scenes: int = 6,
) -> None:
    """Measure a bank.

    Args:
        bank: the bank.
        model: its category model; not needed where it keeps a copy or belongs to one that comes with triptych.
        decibels: the goals.
        scenes: how many scenes are measured.
    """
    opened = open_scenes(bank, model)
    with Progress(quiet=True) as progress:
        held_out = find_on_disk(opened, BankDataConfig(), progress).scenes[:scenes]
    before = [mean(compare_views(opened[held.name], held.dataset, held.scene, held.views).psnr()) for held in held_out]
    print(f"{len(held_out)} scenes, {mean(before):.2f} dB", flush=True)
    for goal in decibels:
        sizes, lost, spent, read = [], [], [], []
        for held, quality in zip(held_out, before, strict=True):
            begun = time.process_time()
            found = rounded(opened[held.name], goal)
            spent.append(time.process_time() - begun)
            sizes.append(len(written(found)))
            lost.append(mean(compare_views(found, held.dataset, held.scene, held.views).psnr()) - quality)
            read.append(milliseconds_to_read(found))
        print(
            f"{goal:.0f} dB: {mean(sizes):.0f} bytes, {mean(lost):+.3f} dB, rounded in {mean(spent):.2f} s, "
            f"read in {statistics.median(read):.1f} ms",
            flush=True,
        )


def written(scene: Scene) -> bytes:
    """The bytes of a rounded scene's micro planes."""
    assert scene.coding is not None
    return layout.encode(scene.micro, scene.model.start_micro, scene.coding)


def milliseconds_to_read(scene: Scene) -> float:
    """Processor time to read a rounded scene, the least of five times."""
    content, took = written(scene), []
    for _ in range(5):
        begun = time.process_time()
        micro, _ = layout.decode(content, scene.model.start_micro)
        took.append(1e3 * (time.process_time() - begun))
        assert torch.equal(micro, scene.micro)
    return min(took)


if __name__ == "__main__":
    tyro.cli(main)
