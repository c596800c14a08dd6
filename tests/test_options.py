"""Options that cannot be are refused in one line that names them, before anything is written."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
import torch

from triptych.autoencoder import ConvolutionalConfig
from triptych.cli import main
from triptych.errors import InputError
from triptych.export import MeshConfig
from triptych.options import Options, Range, checked_later, problems
from triptych.representation.config import MLPConfig, PlaneConfig
from triptych.runtime import free_memory, require_memory
from triptych.training.autoencoder_config import NewAutoencoder, PretrainedAutoencoder
from triptych.training.phase import Phase, Rates
from triptych.training.presets import STAGE1, STAGE2

NOTHING_THERE = "nothing-there"
TRAIN = f"train {NOTHING_THERE} --out out --preset quick"
FIT = f"fit cars {NOTHING_THERE} --out out"
SINGLE = f"single {NOTHING_THERE} --kind nerf --out out"
LARGE_AUTOENCODER = [
    *("--autoencoder.width", "4096", "--autoencoder.blocks", "256"),
    *("--autoencoder.expansion", "64"),
]
RGB = f"rgb {NOTHING_THERE} --out out"


@pytest.mark.parametrize(
    ("command", "option", "values"),
    [
        (TRAIN, "--warmup.epochs", ("-1", "nan", "inf")),
        (TRAIN, "--joint.batch", ("0", "-3")),
        (TRAIN, "--joint.rates.micro", ("nan", "-0.1", "inf")),
        (TRAIN, "--joint.weights.tv", ("nan", "-1")),
        (TRAIN, "--joint.final-factor", ("0", "nan", "2")),
        (TRAIN, "--joint.milestones", ("1 nan", "-1")),
        (TRAIN, "--joint.one-ray-share", ("1.5",)),
        (TRAIN, "--pretraining.rate", ("nan",)),
        (TRAIN, "--pretraining.clip", ("0",)),
        (TRAIN, "--planes.resolution", ("0", "1", "100000")),
        (TRAIN, "--planes.base-planes", ("0", "-1")),
        (TRAIN, "--planes.micro-features", ("-1",)),
        (TRAIN, "--mlp.hidden", ("0", "1000000")),
        (TRAIN, "--mlp.density-scale", ("nan", "0")),
        (TRAIN, "--sampling.coarse", ("0",)),
        (TRAIN, "--sampling.supersample", ("0", "99")),
        (TRAIN, "--skipping.update-every", ("0",)),
        (TRAIN, "--autoencoder.width", ("0",)),
        (TRAIN, "--autoencoder.channels", ("0", "49")),
        (TRAIN, "--test-views", ("-1",)),
        (TRAIN, "--half-extent", ("nan", "0", "inf")),
        (TRAIN, "--resolution", ("0", "-64")),
        (TRAIN, "--seed", ("-1", "4294967296")),
        (FIT, "--latent.epochs", ("-1",)),
        (FIT, "--scenes-at-once", ("0",)),
        (SINGLE, "--network.layers", ("0",)),
        (SINGLE, "--rays", ("0",)),
        (SINGLE, "--network.position-octaves", ("-1",)),
        (SINGLE, "--rate", ("nan",)),
        (RGB, "--steps", ("0",)),
        (RGB, "--seed", ("-1",)),
        ("data cars out", "--count", ("0",)),
        ("data cars out", "--train", ("49", "-1")),
        (f"export mesh {NOTHING_THERE} out", "--resolution", ("4", "513")),
        (f"export mesh {NOTHING_THERE} out", "--elevations", ("91", "")),
        (f"export mesh {NOTHING_THERE} out", "--threshold", ("nan", "0")),
        (f"export images {NOTHING_THERE} out", "--frames", ("0",)),
        (f"export video {NOTHING_THERE} out.mp4", "--radius", ("0", "nan")),
        (f"view {NOTHING_THERE}", "--port", ("-1", "65536")),
        ("demo --out out", "--views", ("8",)),
        ("demo --out out", "--new-scenes", ("0",)),
        ("quality --out out", "--latent-budgets", ("", "nan")),
        ("quality --out out", "--rgb-steps", ("0",)),
        ("quality --out out --preset latent", "--resolution", ("15", "101")),
        ("demo --out out", "--resolution", ("64", "2000")),
        ("demo --out out --from-scratch", "--resolution", ("130",)),
        ("reproduce --out out --scale paper", "--resolution", ("100",)),
        ("reproduce --out out", "--only", ("ours theirs",)),
        ("reproduce --out out", "--train-scenes", ("0",)),
    ],
)
def test_a_value_that_cannot_be_is_refused_under_the_name_it_was_typed(
    command: str,
    option: str,
    values: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for value in values:
        with pytest.raises(SystemExit) as ended:
            main([*command.split(), option, *value.split()])
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"triptych: {option} is ")
        assert ", expected " in line or ", and so is " in line
    assert not list(tmp_path.iterdir())


def test_options_that_contradict_each_other_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, said in (
        ("--planes.micro-features 0 --planes.macro-features 0", "--planes.micro-features is 0, and so is"),
        ("--planes.combine sum", "--planes.combine is sum"),
        ("--autoencoder.kind pretrained --autoencoder.source=", "--autoencoder.source is empty"),
    ):
        with pytest.raises(SystemExit) as ended:
            main([*TRAIN.split(), *arguments.split()])
        assert ended.value.code == 2
        assert f"triptych: {said}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Rates(micro=float("nan")), "Rates: micro is nan, expected a number from 0 to 10"),
        (lambda: PlaneConfig(resolution=1), "PlaneConfig: resolution is 1, expected a whole number from 2 to 4096"),
        (lambda: ConvolutionalConfig(channels=13, downscale=2), "channels is 13, expected at most 12"),
        (lambda: MeshConfig(elevations=()), "elevations is empty"),
        (lambda: MeshConfig(elevations=(0.0, 120.0)), "elevations is 120.0"),
        (lambda: PretrainedAutoencoder(""), "source is empty"),
    ],
)
def test_programs_are_told_the_same(make: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        make()


def test_an_autoencoder_that_nothing_would_train_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["train", NOTHING_THERE, "--out", "out", "--autoencoder.kind", "convolutional"])
    assert ended.value.code == 2
    assert "starts from random weights and would keep them" in capsys.readouterr().err
    untrained = replace(STAGE1["colors"], autoencoder=NewAutoencoder())
    assert untrained.leaves_autoencoder_random
    assert not replace(untrained, pretraining=STAGE1["latent"].pretraining).leaves_autoencoder_random


def test_every_preset_can_be() -> None:
    for stage in (*STAGE1.values(), *STAGE2.values()):
        assert not list(problems(stage))
    assert Phase(0.0, 1, Rates(), STAGE1["quick"].joint.weights).longer(3.0).epochs == 0


@dataclass(frozen=True)
class _Inner(Options):
    counts: tuple[Annotated[int, Range(1, 9)], ...] = (1,)
    kind: Literal["a", "b"] = "a"
    limit: Annotated[float, Range(0, 1)] | None = None


@dataclass(frozen=True)
class _Outer(Options):
    inner: _Inner = field(default_factory=_Inner)
    share: Annotated[float, Range(0, 1)] = 0.5


def test_problems_are_found_at_any_depth() -> None:
    with checked_later():
        wrong = _Outer(_Inner((3, 12), limit=2.0), share=-1.0)
    assert [".".join(path) for path, _ in problems(wrong)] == ["share", "inner.counts", "inner.limit"]
    assert not list(problems(_Outer()))


def test_what_cannot_fit_in_memory_is_refused_with_the_numbers(tmp_path: Path) -> None:
    free = free_memory(torch.device("cpu"))
    assert 2**20 < free < 2**50
    require_memory({"little": 1000})
    with pytest.raises(InputError, match=r"at least [\d,.]+ GiB .* [\d,.]+ of them for the planes, but .* are free"):
        require_memory({"the planes": 4 * free, "the rest": free})


def test_a_model_too_large_for_this_machine_is_refused_before_it_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from balls import make_balls

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    data = make_balls(tmp_path / "data")
    out = ["--out", str(tmp_path / "out"), "--test-views", "2"]
    for arguments in (
        ["train", str(data), *out, "--planes.resolution", "4096", "--planes.base-planes", "60000"],
        ["single", str(data), "--kind", "nerf", *out, "--network.width", "8192", "--network.layers", "64"],
        ["train", str(data), *out, "--preset", "quick", *LARGE_AUTOENCODER],
    ):
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        assert ended.value.code == 2
        assert "GiB of memory are needed" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_wrong_type_is_no_riddle() -> None:
    wrong: Any = MLPConfig()
    object.__setattr__(wrong, "hidden", "64")
    assert [complaint for _, complaint in problems(wrong)] == ["is '64', expected a whole number"]
