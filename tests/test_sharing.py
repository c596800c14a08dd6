"""Models, banks and scenes go to a hub and come back the same; what is damaged or strange does not."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from stub_hub import StubHub, stub_hub

import triptych
from triptych import InputError
from triptych.cli import main
from triptych.files.hub import HubAddress

pytest.importorskip("huggingface_hub")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StubHub]:
    """A hub that the client takes for the real one, no credentials, and an empty cache."""
    from huggingface_hub import constants

    with stub_hub() as running:
        monkeypatch.setenv("HF_ENDPOINT", running.url)
        monkeypatch.setenv("HF_TOKEN", "nobody")
        monkeypatch.setattr(constants, "ENDPOINT", running.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub_cache"))
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", running.url + "/{repo_id}/resolve/{revision}/{filename}"
        )
        yield running


def test_addresses() -> None:
    assert HubAddress.parse("hf://me/cars") == HubAddress("me/cars")
    assert HubAddress.parse("hf://datasets/me/cars@v1") == HubAddress("me/cars", "dataset", "v1")
    assert str(HubAddress.parse("hf://datasets/me/cars@v1")) == "hf://datasets/me/cars@v1"
    for wrong in ("me/cars", "hf://cars", "hf://me/cars/more", "hf://../..", "hf:///me/cars", "https://me/cars"):
        with pytest.raises(InputError, match="expected hf://user/name"):
            HubAddress.parse(wrong)


def test_a_model_goes_to_a_hub_and_comes_back(
    hub: StubHub, trained_balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["push", str(trained_balls), "hf://me/balls"])
    assert f"shared: {hub.url}" in capsys.readouterr().out
    files = hub.repos["models/me/balls"]
    assert set(files) == {
        "model.json",
        "shared.safetensors",
        "autoencoder.json",
        "autoencoder.safetensors",
        "README.md",
    }
    assert b"triptych pull hf://me/balls" in files["README.md"]
    main(["pull", "hf://me/balls", str(tmp_path / "pulled")])
    assert "every checksum holds" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "pulled").iterdir()) == sorted(set(files) - {"README.md"})
    assert triptych.open_model(tmp_path / "pulled").identity() == triptych.open_model(trained_balls).identity()
    with pytest.raises(InputError, match="expected a new or empty folder"):
        triptych.pull("hf://me/balls", tmp_path / "pulled")


def test_a_bank_goes_to_a_hub_and_comes_back(hub: StubHub, trained_balls: Path, tmp_path: Path) -> None:
    before = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)
    hub.repos["datasets/me/bank"] = {
        "scenes-7.sqlite": b"of an earlier one",
        "README.md": b"mine",
        "notes.txt": b"mine",
    }
    triptych.push(trained_balls / "trained_scenes", "hf://datasets/me/bank")
    files = hub.repos["datasets/me/bank"]
    assert set(files) == {"bank.json", "scenes-0.sqlite", "README.md", "notes.txt"}
    assert files["README.md"] == b"mine"
    after = triptych.open_scenes(triptych.pull("hf://datasets/me/bank", str(tmp_path / "bank")), trained_balls)
    assert list(after) == list(before)
    assert torch.equal(after["ball_1"].micro, before["ball_1"].micro)


def test_scene_files_go_to_a_hub_and_come_back(hub: StubHub, trained_balls: Path, tmp_path: Path) -> None:
    scene = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_1"]
    triptych.save_scene(tmp_path / "ball.triptych-scene", scene)
    triptych.push(tmp_path / "ball.triptych-scene", "hf://me/scene")
    triptych.pull("hf://me/scene", tmp_path / "pulled")
    again = triptych.open_scene(tmp_path / "pulled" / "ball.triptych-scene", trained_balls)
    assert torch.equal(again.coefficients, scene.coefficients)


def test_only_known_files_are_fetched_and_none_leaves_the_folder(
    hub: StubHub, trained_balls: Path, tmp_path: Path
) -> None:
    triptych.push(trained_balls, "hf://me/balls")
    files = hub.repos["models/me/balls"]
    files |= {"pytorch_model.bin": b"pickle", "evil.py": b"", "deep/model.json": b"{}", "model/../model.json": b"{}"}
    with pytest.raises(InputError, match=r"'model/\.\./model\.json' would leave the folder; nothing was written"):
        triptych.pull("hf://me/balls", tmp_path / "pulled")
    del files["model/../model.json"]
    hub.asked.clear()
    triptych.pull("hf://me/balls", tmp_path / "pulled")
    assert set(hub.asked) == {"model.json", "shared.safetensors", "autoencoder.json", "autoencoder.safetensors"}


@pytest.mark.parametrize("name", ["model.json", "shared.safetensors", "autoencoder.safetensors"])
def test_damage_on_the_way_is_noticed_and_nothing_is_written(
    name: str, hub: StubHub, trained_balls: Path, tmp_path: Path
) -> None:
    triptych.push(trained_balls, "hf://me/balls")
    content = bytearray(hub.repos["models/me/balls"][name])
    content[len(content) // 2] ^= 1
    hub.repos["models/me/balls"][name] = bytes(content)
    with pytest.raises(InputError, match="hf://me/balls: "):
        triptych.pull("hf://me/balls", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_what_is_damaged_or_nothing_of_ours_is_not_pushed(hub: StubHub, trained_balls: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with pytest.raises(InputError, match="expected a category model, a run of stage 1, a scene bank or"):
        triptych.push(tmp_path / "other", "hf://me/other")
    triptych.open_model(trained_balls).save(tmp_path / "model")
    shared = tmp_path / "model" / "shared.safetensors"
    shared.write_bytes(shared.read_bytes()[:-1] + b"?")
    with pytest.raises(InputError, match="SHA-256 differs"):
        triptych.push(tmp_path / "model", "hf://me/other")
    assert not hub.repos


def test_a_hub_that_has_nothing_says_so(hub: StubHub, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["pull", "hf://me/nothing", str(tmp_path / "pulled")])
    assert ended.value.code == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("triptych: ")]
    assert "hf://me/nothing: the hub did not do it" in line
    hub.repos["models/me/empty"] = {"README.md": b""}
    with pytest.raises(InputError, match="expected a category model, a scene bank or scene files; there are none"):
        triptych.pull("hf://me/empty", tmp_path / "pulled")
    assert not (tmp_path / "pulled").exists()


def test_models_have_the_methods_of_the_mixin(hub: StubHub, trained_balls: Path, tmp_path: Path) -> None:
    from triptych.model.hub_model import HubModel

    model = triptych.open_model(trained_balls)
    HubModel(model).save_pretrained(tmp_path / "saved")
    assert "triptych" in (tmp_path / "saved" / "README.md").read_text()
    assert triptych.open_model(tmp_path / "saved").identity() == model.identity()
    assert HubModel.from_pretrained(tmp_path / "saved").model.identity() == model.identity()
    HubModel(model).push_to_hub("me/mixin")
    assert {"model.json", "shared.safetensors"} <= set(hub.repos["models/me/mixin"])
    again = HubModel.from_pretrained("me/mixin", cache_dir=tmp_path / "cache").model
    assert again.identity() == model.identity()


def test_a_model_opens_right_from_the_hub(hub: StubHub, trained_balls: Path) -> None:
    triptych.push(trained_balls, "hf://me/balls")
    assert triptych.open_model("hf://me/balls").identity() == triptych.open_model(trained_balls).identity()
    with pytest.raises(InputError, match="pull it first"):
        triptych.open_model("hf://datasets/me/balls")


def test_without_the_client_the_extra_is_named(
    trained_balls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    for call in (
        lambda: triptych.push(trained_balls, "hf://me/balls"),
        lambda: triptych.pull("hf://me/balls", tmp_path / "pulled"),
    ):
        with pytest.raises(InputError, match=r'pip install "triptych\[hub\]"'):
            call()
