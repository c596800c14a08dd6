"""Another installed package adds a format of datasets, an autoencoder and a field, by its entry points."""

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from balls import AABB, draw_ball, short_stage1, tiny_stage2
from PIL import Image

import triptych
from triptych import InputError
from triptych.cli import main
from triptych.geometry import hemisphere_cameras
from triptych.runtime import entry_points
from triptych.training.autoencoder_config import InstalledAutoencoder

CODE = """
import json
import torch
from torch import nn
import triptych

def views(folder):
    for view in json.loads((folder / "blocks.json").read_text()):
        yield triptych.PosedPicture(folder / view["picture"], view["pose"], view["K"], use=view.get("use"))

BLOCKS = triptych.SceneLayout("Blocks", lambda folder: (folder / "blocks.json").is_file(), views, "opengl", 0.45)
NO_LAYOUT = 5

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.down, self.up = nn.Conv2d(3, 5, 4, stride=4), nn.ConvTranspose2d(5, 3, 4, stride=4)
    def encode(self, images):
        return self.down(images)
    def decode(self, latents):
        return self.up(latents)

class Fog(nn.Module):
    def __init__(self, channels, aabb):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, channels + 1))
    def forward(self, points, directions):
        found = self.layers(torch.cat([points, directions], dim=1))
        return nn.functional.softplus(found[:, 0]), found[:, 1:]

class Flat(Fog):
    def forward(self, points, directions):
        return super().forward(points, directions)[0], points[:, :2]

def broken():
    raise RuntimeError("out of order")
"""
POINTS = """[triptych.formats]
blocks = blocks_package:BLOCKS
[triptych.autoencoders]
small = blocks_package:Small
broken = blocks_package:broken
[triptych.fields]
fog = blocks_package:Fog
flat = blocks_package:Flat
"""


def install(folder: Path, name: str, points: str, code: str) -> None:
    """A package as pip leaves it."""
    (folder / f"{name}.py").write_text(code)
    about = folder / f"{name}-1.2.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (about / "entry_points.txt").write_text(points)


def forget() -> None:
    entry_points.added.cache_clear()
    entry_points.load_added.cache_clear()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages, with one in it."""
    folder = tmp_path / "site"
    folder.mkdir()
    install(folder, "blocks_package", POINTS, CODE)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "blocks_package", raising=False)
    forget()
    yield folder
    forget()


def write_blocks(root: Path, count: int = 2) -> Path:
    """Balls in the format of the package: Blender's axes, one file of cameras."""
    for index in range(count):
        folder = root / f"ball_{index}"
        folder.mkdir(parents=True)
        cameras = hemisphere_cameras(6, 32, seed=index)
        views = []
        for number, picture in enumerate(draw_ball(index, cameras)):
            Image.fromarray(picture).save(folder / f"{number}.png")
            pose = cameras.c2w[number].double().numpy() * [1, -1, -1, 1]
            use = "test" if number > 3 else "train"
            intrinsics = cameras.intrinsics[number].tolist()
            views.append({"picture": f"{number}.png", "pose": pose.tolist(), "K": intrinsics, "use": use})
        (folder / "blocks.json").write_text(json.dumps(views))
    return root


def test_a_format_of_another_package_is_read(site: Path, balls: triptych.Dataset, tmp_path: Path) -> None:
    root = write_blocks(tmp_path / "data")
    data = triptych.open_dataset(root, cache=tmp_path / "cache")
    assert data.names == ("ball_0", "ball_1")
    assert data.aabb.tolist() == [[pytest.approx(x) for x in corner] for corner in AABB]
    assert (data.images(1, range(6)) == balls.images(1, range(6))).all()
    assert float((data.cameras(1).c2w - balls.cameras(1).c2w).abs().max()) < 1e-6
    assert data.views(0).test == (4, 5)
    report = triptych.inspect_dataset(root, tmp_path / "inspect", cache=tmp_path / "cache")
    assert report.layouts == {"Blocks": 2}
    assert not report.problems


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"picture": "../ball_1/0.png"}, "names a file outside of"),
        ({"picture": "/etc/passwd"}, "names a file outside of"),
        ({"pose": [[2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 2, 0]]}, "no rotation"),
        ({"pose": "north"}, "c2w: expected an array of numbers, found str"),
        ({"K": [1, 2, 3]}, r"intrinsics: expected shape \[4\] or \[3, 3\], found \[3\]"),
        ({"K": [float("nan")] * 4}, "intrinsics"),
    ],
)
def test_what_a_format_gives_is_checked_as_ever(
    change: dict[str, object], message: str, site: Path, tmp_path: Path
) -> None:
    root = write_blocks(tmp_path / "data")
    file = root / "ball_0" / "blocks.json"
    views = json.loads(file.read_text())
    views[2] |= change
    file.write_text(json.dumps(views))
    with pytest.raises(InputError, match=message):
        triptych.open_dataset(root, cache=tmp_path / "cache")


def test_code_of_a_package_that_fails_is_one_line(
    site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_blocks(tmp_path / "data")
    (root / "ball_0" / "blocks.json").write_text("[{}]")
    with pytest.raises(SystemExit) as ended:
        main(["data", "inspect", str(root), "--out", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")])
    assert ended.value.code == 2
    said = "".join(capsys.readouterr())
    assert "the dataset format 'blocks' of blocks_package 1.2 has failed (KeyError: 'picture')" in said
    install(site, "second", "[triptych.formats]\nother = blocks_package:NO_LAYOUT\n", "")
    forget()
    with pytest.raises(InputError, match=r"'other' is a int, expected a triptych\.SceneLayout"):
        triptych.open_dataset(root, cache=tmp_path / "cache")


def test_an_autoencoder_of_another_package_is_trained_and_opens_by_itself(
    site: Path, balls: triptych.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = replace(short_stage1(), autoencoder=InstalledAutoencoder("small"))
    model = triptych.train(balls.select("train"), tmp_path / "run", settings, device="cpu")
    assert model.autoencoder.channels == 5
    opened = triptych.open_model(tmp_path / "run")
    assert opened.identity() == model.identity()
    scenes = triptych.fit(opened, balls.select("test"), tmp_path / "bank", tiny_stage2(), force=True)
    assert triptych.render(scenes["ball_3"], 1).images.isfinite().all()
    monkeypatch.setattr(sys, "path", [place for place in sys.path if place != str(site)])
    forget()
    with pytest.raises(InputError, match="no installed package adds the autoencoder 'small'; install"):
        triptych.open_model(tmp_path / "run")


def test_autoencoders_that_are_not_there_or_fail_are_named(site: Path, balls: triptych.Dataset, tmp_path: Path) -> None:
    for name, message in (
        ("large", "adds the autoencoder 'large'; installed packages add broken, small; install"),
        ("broken", r"'broken' of blocks_package 1\.2 has failed \(RuntimeError: out of order\)"),
    ):
        settings = replace(short_stage1(), autoencoder=InstalledAutoencoder(name))
        with pytest.raises(InputError, match=message):
            triptych.train(balls.select("train"), tmp_path / "run", settings, device="cpu")
    install(site, "second", "[triptych.autoencoders]\nsmall = other:Small\n", "")
    forget()
    with pytest.raises(InputError, match=r"two packages add the autoencoder 'small': .*; uninstall one"):
        entry_points.added("triptych.autoencoders")


def test_a_field_of_another_package_is_fitted(
    site: Path, balls: triptych.Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert balls.source is not None
    small = ["--steps", "3", "--rays", "32", "--sampling.coarse", "4", "--sampling.importance", "0"]
    data = [str(balls.source.path), "--cache", str(tmp_path / "cache"), "--test-views", "2", "--device", "cpu"]
    command = ["single", *data, "--kind", "installed", *small, "--out"]
    main([*command, str(tmp_path / "run"), "--name", "fog"])
    assert "dB on 2 test views" in capsys.readouterr().out
    main([*command, str(tmp_path / "run"), "--name", "fog"])
    for name, message in (("flat", "Flat gives"), ("none", "no installed package adds the field 'none'")):
        with pytest.raises(SystemExit):
            main([*command, str(tmp_path / name), "--name", name])
        assert message in capsys.readouterr().err
