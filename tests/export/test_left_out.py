"""A damaged scene stops no export: the others are written, and the command ends with 2 and names it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from damage import damage_scene

from triptych import open_scenes
from triptych.cli import main
from triptych.errors import InputError
from triptych.export import write_meshes, write_planes


@pytest.fixture
def run(trained_balls: Path, tmp_path: Path) -> Path:
    """A run whose scene ball_1 is damaged."""
    shutil.copytree(trained_balls, tmp_path / "run")
    damage_scene(tmp_path / "run/trained_scenes", "ball_1")
    return tmp_path / "run"


def complaints(run: Path, capsys: pytest.CaptureFixture[str], kind: str, out: Path, *options: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(["export", kind, str(run / "trained_scenes"), str(out), "--model", str(run), *options])
    assert ended.value.code == 2
    return [line for line in capsys.readouterr().err.splitlines() if line.startswith("triptych: ")]


OPTIONS = {
    "planes": (),
    "images": ("--frames", "2"),
    "mesh": ("--resolution", "8", "--threshold", "1e-3", "--azimuths", "2", "--elevations", "30"),
    "video": ("--frames", "2"),
}
OUT = {"planes": "planes.npz", "images": "images", "mesh": "meshes", "video": "video.mp4"}


@pytest.mark.parametrize("kind", list(OPTIONS))
def test_the_others_are_exported(kind: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / OUT[kind]
    damaged, count = complaints(run, capsys, kind, out, *OPTIONS[kind])
    assert damaged.startswith("triptych: scene 'ball_1' is damaged: ")
    assert count == "triptych: 1 of 3 scenes left out; the others are written"
    if kind == "planes":
        assert np.load(out, allow_pickle=False)["names"].tolist() == ["ball_0", "ball_2"]
    elif kind == "images":
        assert sorted(folder.name for folder in out.iterdir() if folder.is_dir()) == ["ball_0", "ball_2"]
    elif kind == "mesh":
        assert sorted(file.name for file in out.iterdir()) == ["ball_0.glb", "ball_2.glb"]
    else:
        assert imageio_ffmpeg.count_frames_and_secs(out)[0] == 2


# The type checker of the tests reads the first scene of a bank before a function does: here it must not.
WITHOUT_CHECKER = """
import json, sys
from triptych.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as end:
        print(end.code)
"""


def test_damaged_scenes_alone_write_nothing(run: Path, tmp_path: Path) -> None:
    common = ["--model", str(run), "--scenes", "ball_1"]
    commands = [
        ["export", kind, str(run / "trained_scenes"), str(tmp_path / "out" / OUT[kind]), *common, *options]
        for kind, options in OPTIONS.items()
    ]
    script = [sys.executable, "-c", WITHOUT_CHECKER, json.dumps(commands)]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["2"] * len(commands)
    complaints = [line for line in ended.stderr.splitlines() if line.startswith("triptych: ")]
    assert len(complaints) == len(commands)
    assert all(line.startswith("triptych: scene 'ball_1' is damaged: ") for line in complaints)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.suffix in (".npz", ".png", ".glb", ".mp4")]


def test_no_scenes_are_refused(trained_balls: Path, tmp_path: Path) -> None:
    for export in (write_planes, write_meshes):
        with pytest.raises(InputError, match="no scene to export"):
            export(tmp_path / "out.npz", {})
    scenes = open_scenes(trained_balls / "trained_scenes", trained_balls)
    in_memory = {name: scenes[name] for name in ("ball_2", "ball_0")}
    write_planes(tmp_path / "planes.npz", in_memory)
    assert np.load(tmp_path / "planes.npz", allow_pickle=False)["names"].tolist() == ["ball_2", "ball_0"]
