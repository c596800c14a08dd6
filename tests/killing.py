"""Killing work at each of its file operations: what it leaves must let the same work end as if nothing had happened.

    python tests/killing.py WORK... FOLDER [--kills N] [--twice]

WORK is train, fit, finetune, rgb, single, cache or bank. There is a kill at every operation, or at N that are spread
evenly over all of them; the operations of SQLite count where there is a C compiler. Each piece of work runs in a
process forked from one that has the libraries loaded and trains nothing itself. FOLDER is for scratch. Prints one line
for each kill that is not mended.
"""

import argparse
import ctypes
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import torch._dynamo  # by every optimizer; here, so that each process has it already
from balls import make_balls, tiny_stage1, tiny_stage2
from untrained import untrained_model

from triptych.bank import SceneBank, StoredScene, compact
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.evaluation.integrity import check
from triptych.files import read_log, read_tensors
from triptych.model import CategoryModel
from triptych.representation.config import SamplingConfig
from triptych.representation.kernels.cpu import threads
from triptych.training.autoencoder_config import Pretraining
from triptych.training.conditions import Conditions
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.single.banks import fit_rgb_scenes
from triptych.training.single.config import OwnPlanesConfig, SingleSDF, SingleTriPlanes
from triptych.training.single.run import fit_single
from triptych.training.single.targets import image_space
from triptych.training.stage1 import train
from triptych.training.stage2 import fit

_RATES = Rates(micro=1e-2, coefficients=1e-2, base=1e-2, mlp=1e-2)
_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_EVENTS = ("os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod")
_LIBRARY = "file_operations.so"
Work = Callable[[Path], object]


def operations_of(work: Callable[[], object], folder: Path, kill_at: int | None = None) -> int | None:
    """Run some work in a process of its own.

    Args:
        work: what to do.
        folder: operations that change files below it are counted.
        kill_at: the operation, from 1, before which the process is killed.

    Returns:
        how many operations there were; None where it was killed.

    Raises:
        RuntimeError: the work failed.
    """
    reading, writing = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(reading)
        _work_and_exit(work, _Counter(folder, kill_at), writing)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    status = os.waitpid(process, 0)[1]
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
        return None
    if os.waitstatus_to_exitcode(status):
        raise RuntimeError(text)
    return int(text)


def _work_and_exit(work: Callable[[], object], counter: "_Counter", answer: int) -> None:
    code, text = 0, ""
    try:
        counter.start()
        work()
        text = str(counter.count)
    except BaseException:
        code, text = 1, traceback.format_exc()
    os.write(answer, text.encode())
    os._exit(code)


class _Counter:
    """Counts the operations of this process that change files below a folder, and kills it before a chosen one."""

    def __init__(self, folder: Path, kill_at: int | None) -> None:
        self.count = 0
        self._folder = str(folder.absolute())
        self._kill_at = kill_at
        self._fsync = os.fsync
        self._callback = ctypes.CFUNCTYPE(None)(self._one_more)

    def start(self) -> None:
        sys.addaudithook(self._hook)
        os.fsync = self._counted_fsync
        library = os.environ.get("LD_PRELOAD", "")
        if library.endswith(_LIBRARY):
            ctypes.CDLL(library).tell_of_operations(self._callback)

    def _hook(self, event: str, arguments: tuple[Any, ...]) -> None:
        changes = event in _EVENTS or (event == "open" and arguments[2] & _CHANGES)
        named = changes and isinstance(arguments[0], str | os.PathLike)
        if named and os.fspath(arguments[0]).startswith(self._folder):
            self._one_more()

    def _counted_fsync(self, handle: int) -> None:
        self._one_more()
        self._fsync(handle)

    def _one_more(self) -> None:
        self.count += 1
        if self.count == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def works(scratch: Path) -> dict[str, tuple[Work, Callable[[Path], object]]]:
    """Every kind of work on a folder, and what must be the same at its end."""
    data = DatasetConfig(make_balls(scratch / "data"), test_views=2, cache=scratch / "cache")
    balls = open_dataset(data)
    trained, new = balls.select("train", "all"), balls.select("test", "all")
    stage1 = tiny_stage1(
        pretraining=Pretraining(epochs=0.6, batch=4),
        warmup=replace(tiny_stage1().warmup, epochs=1.0),
        joint=replace(tiny_stage1().joint, epochs=1.0),
    )
    together = tiny_stage2(
        latent=Phase(1.0, 4, _RATES, LossWeights(enc=1.0)),
        image=Phase(1.0, 4, replace(_RATES, decoder=1e-4), LossWeights(dec=1.0)),
        finetune_shared=True,
    )
    planes, sampling = OwnPlanesConfig(8, 4), SamplingConfig(8, 0)
    rgb = SingleTriPlanes(planes=planes, sampling=sampling, steps=3, rays=64)
    single = SingleSDF(planes=planes, sampling=sampling, steps=4, rays=64)
    often = Conditions(checkpoint_seconds=0.0)

    for direction in ("forward", "backward"):
        threads.compiled(direction)

    def model() -> CategoryModel:
        if not (scratch / "model" / "model").is_dir():
            train(trained, scratch / "model", stage1, often)
        return CategoryModel.load(scratch / "model" / "model")

    operations_of(model, scratch / "model")
    return {
        "train": (lambda out: train(trained, out, stage1, often), _run_numbers),
        "fit": (
            lambda out: fit(model(), new, out, replace(tiny_stage2(), scenes_at_once=1), often, force=True),
            _bank_numbers,
        ),
        "finetune": (
            lambda out: fit(model(), new, out, together, often, force=True),
            lambda out: _bank_numbers(out / "bank"),
        ),
        "rgb": (
            lambda out: fit_rgb_scenes(new, out, rgb, often),
            lambda out: [_bank_numbers(folder) for folder in sorted(out.iterdir()) if folder.is_dir()],
        ),
        "single": (
            lambda out: fit_single(new.subset([0]), out, single, image_space(new), often),
            lambda out: _digest(read_tensors(out / "field.safetensors")[0].values()),
        ),
        "cache": (lambda out: open_dataset(replace(data, cache=out)), lambda out: _pictures(data, out)),
    }


def _add_and_compact(out: Path) -> None:
    bank = SceneBank.create(out, untrained_model(), files=2)
    for number in range(6):
        if f"{number}" not in bank:
            micro = torch.full(bank.planes.micro_shape, float(number))
            bank.add(f"{number}", StoredScene(micro, torch.zeros(bank.planes.coefficients), "f", {}))
    compact(out, files=1)
    compact(out, files=2)


def _run_numbers(out: Path) -> object:
    lines = [{key: value for key, value in line.items() if key != "seconds"} for line in read_log(out)]
    models = [CategoryModel.load(out / name).identity() for name in ("model", "plain_model")]
    return [models, _bank_numbers(out / "trained_scenes"), lines]


def _bank_numbers(folder: Path) -> object:
    bank = SceneBank(folder)
    scenes = {name: bank.scene(name) for name in bank}
    own = bank.load_model().identity() if (folder / "model").exists() else None
    numbers = {name: _digest([scene.micro, scene.coefficients]) for name, scene in scenes.items()}
    return [own, bank.model_id, numbers, [scene.record.get("test_psnr") for scene in scenes.values()]]


def _pictures(data: DatasetConfig, cache: Path) -> object:
    balls: Dataset = open_dataset(replace(data, cache=cache))
    return [_digest([torch.from_numpy(balls.images(scene, range(6)))]) for scene in range(len(balls))]


_BANK = (_add_and_compact, _bank_numbers)
"""Work that needs neither data nor a trained model."""


def _digest(tensors: Any) -> str:
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def kill_and_rerun(
    work: Work, numbers: Callable[[Path], object], scratch: Path, most: int | None = None, *, twice: bool = False
) -> tuple[int, int, list[str]]:
    """Kill some work at its operations, run it again, and compare with undisturbed work.

    Returns:
        the operations of undisturbed work, the number of kills, and a line for each that was not mended.
    """
    reference, out, told = scratch / "reference", scratch / "out", scratch / "numbers.json"
    scratch.mkdir()

    def tell(folder: Path) -> None:
        work(folder)
        damaged = [finding.fault for finding in check(folder) if finding.fault]
        told.write_text(json.dumps([numbers(folder), damaged]))

    count = operations_of(lambda: work(reference), reference)
    assert count is not None
    operations_of(lambda: tell(reference), reference)
    expected = told.read_text()
    kills, faults = 0, []
    generator = random.Random(0)
    for number in _spread(count, most or count):
        shutil.rmtree(out, ignore_errors=True)
        kills += operations_of(lambda: work(out), out, kill_at=number) is None
        if twice:
            kills += operations_of(lambda: work(out), out, kill_at=generator.randint(1, 40)) is None
        fault = _fault_of_rerun(lambda: tell(out), out)
        if fault is None and told.read_text() != expected:
            fault = "other numbers"
        if fault is not None:
            faults.append(f"operation {number} of {count}: {fault}")
        print(f"{number} of {count}: {fault or 'mended'}", file=sys.stderr, flush=True)
    return count, kills, faults


def _spread(count: int, most: int) -> range:
    """At most so many numbers of those from 1 to ``count``, the first and the last step as long as the others."""
    every = -(-count // most)
    return range((every + 1) // 2, count + 1, every)


def _fault_of_rerun(work: Callable[[], object], out: Path) -> str | None:
    try:
        operations_of(work, out)
    except RuntimeError as error:
        return str(error).strip().splitlines()[-1]
    litter = [str(path) for path in out.rglob(".triptych-*")]
    return f"litter: {litter}" if litter else None


def start_again_with_library(scratch: Path) -> None:
    """Begin this program anew with what tells of SQLite's file operations, where that can be compiled."""
    compiler = shutil.which("cc")
    if compiler is None or os.environ.get("LD_PRELOAD", "").endswith(_LIBRARY):
        return
    scratch.mkdir(parents=True, exist_ok=True)
    library, source = scratch / _LIBRARY, Path(__file__).with_name("file_operations.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "LD_PRELOAD": str(library)})


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("works", nargs="+")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--kills", type=int)
    parser.add_argument("--twice", action="store_true")
    options = parser.parse_args()
    scratch = options.folder.absolute()
    start_again_with_library(scratch)
    torch.set_num_threads(1)
    known = {**works(scratch), "bank": _BANK}
    for name in options.works:
        work, numbers = known[name]
        count, kills, faults = kill_and_rerun(work, numbers, scratch / name, options.kills, twice=options.twice)
        print(f"{name}: {count} operations, {kills} kills, {len(faults)} not mended", flush=True)


if __name__ == "__main__":
    main()
