"""Presets and files of settings: what wins over what, what is refused, and that a run's file runs it again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from balls import tiny_stage1

from triptych.autoencoder import ConvolutionalConfig
from triptych.bank import SceneBank
from triptych.cli import main
from triptych.cli.defaults import defaults_of
from triptych.cli.stages import Fit, Train
from triptych.errors import InputError
from triptych.files import as_fields, dataclass_of, read_object
from triptych.model import ModelConfig
from triptych.representation.config import MLPConfig, PlaneConfig, SamplingConfig
from triptych.training.autoencoder_config import NewAutoencoder, NoAutoencoder, PretrainedAutoencoder
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.presets import STAGE1, STAGE2


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def file(**values: Any) -> list[str]:
    Path("settings.json").write_text(json.dumps(values))
    return ["--config", "settings.json"]


def settings(*arguments: str) -> Stage1Config:
    return defaults_of(Train, list(arguments), "triptych train").config


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_preset_gives_the_defaults() -> None:
    assert settings() == STAGE1["colors"]
    assert settings("data", "--preset", "latent") == settings("--preset=latent") == STAGE1["latent"]
    assert defaults_of(Fit, ["cars", "--preset", "paper"], "triptych fit").config == STAGE2["paper"]


def test_the_best_are_the_default_ones_with_more_steps() -> None:
    best, default = settings("--preset", "best"), STAGE1["colors"]
    assert replace(best, warmup=default.warmup, stage2=default.stage2) == default
    assert best.warmup == default.warmup.longer(4.0)
    assert STAGE2[best.stage2] == STAGE2["colors"].longer(4.0)


def test_a_file_wins_over_the_preset_and_gives_way_to_options(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = file(planes={"resolution": 8}, joint={"milestones": [1.0, 2.5]}, seed=3, test_views=2)
    found = settings(*given, "--preset", "latent")
    assert (found.planes.resolution, found.planes.base_planes) == (8, STAGE1["latent"].planes.base_planes)
    assert found.joint.milestones == (1, 2.5)
    assert found.warmup == STAGE1["latent"].warmup

    commands: list[Train] = []
    monkeypatch.setattr(Train, "run", lambda self: commands.append(self))
    main(["train", "data", "--out", "out", *given, "--preset", "latent", "--planes.resolution", "16", "--seed", "4"])
    (command,) = commands
    assert (command.config.planes.resolution, command.machine.seed, command.data.test_views) == (16, 4, 2)
    assert command.config.joint.milestones == (1, 2.5)
    assert command.preset == "latent"


def test_a_model_tells_the_preset_of_its_scenes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    commands: list[Fit] = []
    monkeypatch.setattr(Fit, "run", lambda self: commands.append(self))

    def config(*arguments: str) -> Stage2Config:
        main(["fit", *arguments, "--out", "out"])
        return commands[-1].config

    assert config("cars", "data") == STAGE2["latent"]
    assert config("--scenes-at-once", "3", "cars", "data") == replace(STAGE2["latent"], scenes_at_once=3)
    assert config("cars", "data", *file(scenes_at_once=3)) == replace(STAGE2["latent"], scenes_at_once=3)
    assert (
        config("cars", "data", "--preset", "quick") == config("cars", "data", *file(preset="quick")) == STAGE2["quick"]
    )
    assert config("no_such_model", "data") == STAGE2["quick"]  # refused when it is loaded
    (tmp_path / "run" / "model").mkdir(parents=True)
    document = tmp_path / "run" / "model" / "model.json"
    for version, now in ((3, "latent"), (4, "best")):  # what was called best before
        document.write_text(json.dumps({"version": version, "stage2": "best"}))
        assert config("run", "data") == STAGE2[now]
    document.write_text('{"stage2": "finest"}')
    assert "the preset 'finest', which is unknown" in refusal(["fit", "run", "data", "--out", "out"], capsys)
    assert config("run", "data", "--preset", "latent") == STAGE2["latent"]


def test_a_file_may_name_its_preset_and_the_dataset() -> None:
    command = defaults_of(Train, file(preset="latent", path="balls"), "triptych train")
    assert (command.preset, command.config, command.data.path) == ("latent", STAGE1["latent"], Path("balls"))
    assert settings(*file(preset="latent"), "--preset", "quick") == STAGE1["quick"]


def test_the_kind_of_the_autoencoder_decides_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert settings("--autoencoder.kind", "identity").autoencoder == NoAutoencoder()
    assert settings("--autoencoder.kind", "convolutional", "--preset", "latent") == STAGE1["latent"]
    by_file = file(autoencoder={"kind": "pretrained", "source": "cars", "normalization": "tanh"})
    assert settings(*by_file).autoencoder == PretrainedAutoencoder("cars", normalization="tanh")
    replaced = settings(*by_file, "--autoencoder.kind", "convolutional").autoencoder
    assert replaced == NewAutoencoder(normalization="tanh")
    width = file(preset="quick", autoencoder={"width": 8})
    assert settings(*width).autoencoder == NewAutoencoder(network=ConvolutionalConfig(width=8))
    for arguments, said in (
        ("--autoencoder.kind wrong", "--autoencoder.kind is 'wrong', expected one of convolutional, pretrained"),
        ("--preset wrong", "--preset is 'wrong', expected one of quick, colors, best, general, latent, paper"),
        ("--autoencoder.pretrained cars", "--autoencoder.pretrained is now --autoencoder.source"),
        ("--autoencoder.convolutional.width 8", "--autoencoder.convolutional.width is now --autoencoder.width"),
        ("--autoencoder.convolutional.width=8", "--autoencoder.convolutional.width is now --autoencoder.width"),
    ):
        assert said in refusal(["train", "data", "--out", "out", *arguments.split()], capsys)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"plains": {}}, "settings.json: the field 'plains' is unknown"),
        ({"planes": {"size": 3}}, "settings.json, planes: the field 'size' is unknown"),
        ({"planes": 3}, "settings.json, planes: expected an object, found 3"),
        ({"planes": {"resolution": "8"}}, "settings.json, planes, resolution: expected a whole number, found '8'"),
        ({"planes": {"resolution": True}}, "settings.json, planes, resolution: expected a whole number, found True"),
        ({"planes": {"resolution": 1}}, "settings.json: planes.resolution is 1, expected a whole number from 2 to"),
        ({"planes": {"combine": "sum"}}, "settings.json: planes.combine is sum, which needs"),
        ({"joint": {"milestones": 3}}, "settings.json, joint, milestones: expected a list, found 3"),
        ({"joint": {"milestones": ["1"]}}, "settings.json, joint, milestones: expected a finite number, found '1'"),
        ({"joint": {"freeze_mlp_from": "1"}}, "expected a finite number or null, found '1'"),
        ({"autoencoder": {"kind": "vae"}}, "settings.json, autoencoder, kind: expected one of convolutional"),
        (
            {"preset": "latent", "autoencoder": {"kind": "pretrained"}},
            "settings.json, autoencoder: the field 'source' is",
        ),
        ({"autoencoder": {"kind": "identity", "width": 8}}, "settings.json, autoencoder: the field 'width' is unknown"),
        ({"preset": "worst"}, "settings.json, preset is 'worst', expected one of quick"),
        ({"preset": ["latent"]}, "settings.json, preset is ['latent'], expected one of quick"),
        ({"seed": -1}, "settings.json: seed is -1, expected a whole number from 0"),
        ({"out": "out"}, "settings.json: the field 'out' is unknown"),
        ({"config": "other.json"}, "settings.json: the field 'config' is unknown"),
        ({"path": 3}, "settings.json, path: expected a path, found 3"),
    ],
)
def test_what_a_file_cannot_say_is_refused_in_one_line(
    values: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert said in refusal(["train", "data", "--out", "out", *file(**values)], capsys)
    assert not Path("out").exists()


@pytest.mark.parametrize("content", [b"", b"[1]", b"{'a': 1}", b"\xff", b'{"seed": NaN}'])
def test_a_file_that_holds_no_settings_is_refused_in_one_line(
    content: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("settings.json").write_bytes(content)
    said = refusal(["train", "data", "--out", "out", "--config", "settings.json"], capsys)
    assert said.startswith("triptych: settings.json")
    assert "no such file" in refusal(["train", "data", "--out", "out", "--config", "other.json"], capsys)


@pytest.mark.parametrize(
    "config",
    [
        *STAGE1.values(),
        *STAGE2.values(),
        tiny_stage1(autoencoder=NoAutoencoder()),
        ModelConfig(PlaneConfig(), MLPConfig(), SamplingConfig(), 8, 8),
    ],
)
def test_settings_come_back_from_json(config: Any) -> None:
    assert dataclass_of(type(config), json.loads(json.dumps(as_fields(config))), "file") == config


def test_a_dataclass_without_a_default_needs_all_fields() -> None:
    values = as_fields(ModelConfig(PlaneConfig(), MLPConfig(), SamplingConfig(), 8, 8))
    del values["height"]
    with pytest.raises(InputError, match=r"^file: the field 'height' is missing$"):
        dataclass_of(ModelConfig, values, "file")


def weights(folder: Path) -> dict[str, bytes]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def assert_same_numbers(one: Path, other: Path, *names: str) -> None:
    banks = SceneBank(one), SceneBank(other)
    for name in names:
        first, second = (bank.scene(name) for bank in banks)
        assert torch.equal(first.micro, second.micro)
        assert torch.equal(first.coefficients, second.coefficients)


def test_a_run_is_run_again_by_its_file(trained_balls: Path, tmp_path: Path) -> None:
    config = trained_balls / "config.json"
    main(["train", read_object(config)["path"], "--out", str(tmp_path / "again"), "--config", str(config)])
    for part in ("model", "plain_model"):
        assert weights(tmp_path / "again" / part) == weights(trained_balls / part)
    assert (tmp_path / "again" / "config.json").read_bytes() == config.read_bytes()

    main(["fit", str(trained_balls), "--out", "bank", "--config", str(fit_settings(config)), "--force"])
    main(["fit", str(trained_balls), "--out", "bank_again", "--config", "bank/config.json"])
    assert read_object(Path("bank/config.json"))["force"]
    assert_same_numbers(Path("bank"), Path("bank_again"), "ball_3", "ball_4")


def test_a_scene_by_itself_is_fitted_again_by_its_file(trained_balls: Path) -> None:
    document = read_object(trained_balls / "config.json")
    opened = {name: document[name] for name in ("path", "test_views", "cache")}
    planes = {"kind": "triplanes", "planes": {"resolution": 8, "micro_features": 4}, "steps": 3, "rays": 32}
    Path("few.json").write_text(json.dumps({**opened, **planes, "scenes": "ball_3"}))
    main(["rgb", "--out", "rgb", "--config", "few.json"])
    main(["rgb", "--out", "rgb_again", "--config", "rgb/config.json"])
    main(["single", "--out", "one", "--config", "few.json"])
    main(["single", "--out", "one_again", "--config", "one/config.json"])
    assert Path("one/field.safetensors").read_bytes() == Path("one_again/field.safetensors").read_bytes()
    assert_same_numbers(Path("rgb/ball_3"), Path("rgb_again/ball_3"), "ball_3")


def fit_settings(of_stage1: Path) -> Path:
    """A short stage 2 on the same dataset."""
    document = read_object(of_stage1)
    opened = {name: document[name] for name in ("path", "test_views", "cache")}
    short = {"latent": {"epochs": 1}, "image": {"epochs": 0}}
    Path("fit.json").write_text(json.dumps({**opened, **short}))
    return Path("fit.json")
