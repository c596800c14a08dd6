"""The command line as a user meets it: its exit codes, its one line about bad input, and what it leaves behind."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from balls import make_balls
from PIL import Image

from triptych import open_scene
from triptych.cli import main


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_balls(tmp_path / "data")


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What a refused command says: one line below the progress bars, with exit code 2."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    lines = capsys.readouterr().err.strip().splitlines()
    assert ended.value.code == 2
    assert [line.startswith("triptych: ") for line in lines].index(True) == len(lines) - 1
    return lines[-1]


TINY = [
    *("--preset", "quick"),
    *("--planes.resolution", "8", "--planes.micro-features", "4", "--planes.macro-features", "4"),
    *("--planes.base-planes", "3", "--mlp.hidden", "16", "--sampling.coarse", "8"),
    *("--autoencoder.width", "8", "--autoencoder.blocks", "1"),
    *("--test-views", "2", "--pretraining.epochs", "1", "--warmup.epochs", "1", "--joint.epochs", "1"),
]


def test_the_whole_way_from_pictures_to_numbers(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    split = ["--test-views", "2"]
    main(["train", str(data), "--out", str(tmp_path / "run"), *TINY])
    main(["data", "inspect", str(data), "--out", str(tmp_path / "inspect"), *split, "--model", str(tmp_path / "run")])
    assert "4 views to fit per scene, which is few: a good scene takes 8 or more" in capsys.readouterr().out
    short = ["--latent.epochs", "0.1", "--image.epochs", "0.1"]
    fit = ["fit", str(tmp_path / "run"), str(data), "--out", str(tmp_path / "bank"), *split, *short]
    assert "run again with --force" in refusal(fit, capsys)  # so short a fit hardly improves on its start
    main([*fit, "--force"])
    model = ["--model", str(tmp_path / "run")]
    evaluation = ["eval", str(tmp_path / "bank"), "--out", str(tmp_path / "eval"), *model]
    main(evaluation)
    main(["export", "video", str(tmp_path / "bank"), str(tmp_path / "orbit.mp4"), *model, "--frames", "4"])
    compare = ["--layout", "compare", "--compare", str(tmp_path / "bank"), "--compare-model", str(tmp_path / "run")]
    film = ["export", "video", str(tmp_path / "bank"), str(tmp_path / "compare.mp4"), *model, *compare]
    main([*film, "--data", str(data), "--scene", "ball_4"])
    main(["export", "images", str(tmp_path / "bank"), str(tmp_path / "views"), *model, "--frames", "2"])
    main(["data", "inspect", str(tmp_path / "views"), "--out", str(tmp_path / "inspect2"), "--test-views", "1"])
    main(["export", "scene", str(tmp_path / "bank"), "ball_4", str(tmp_path / "ball.triptych-scene"), *model])
    metrics = json.loads((tmp_path / "eval" / "metrics.json").read_text())
    assert set(metrics["scenes"]) == {"ball_3", "ball_4"}
    assert (tmp_path / "inspect" / "cameras.png").exists()
    assert (tmp_path / "orbit.mp4").stat().st_size > 500
    assert (tmp_path / "compare.mp4").stat().st_size > 500
    assert open_scene(tmp_path / "ball.triptych-scene", tmp_path / "run").name == "ball_4"
    assert metrics["scenes"]["ball_4"]["views"] == 2
    assert metrics["about"]["data"] == str(data)
    said = capsys.readouterr().out
    assert "2 scene(s) fitted: " in said
    assert "each on 2 views, none of them among the 4 that it was fitted to" in said
    assert "**mean**" in said
    fitted_view = ["--test-views", "1", "--test-rule", "first"]
    assert "test view that was not fitted" in refusal([*evaluation, *fitted_view], capsys)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "fti cars",
            "there is no command `triptych fti`; did you mean `triptych fit`? there are data, plan, train, predictor",
        ),
        ("export meshs", "did you mean `triptych export mesh`? there are video"),
        ("zzz", "there is no command `triptych zzz`; there are data"),
        (
            "eval bank --data cars",
            "`triptych eval` has no option --data; write it by its place: `triptych eval BANK [DATA ...] ...`",
        ),
        ("export mesh --bank=there", "has no option --bank; write it by its place: `triptych export mesh BANK OUT"),
    ],
)
def test_a_misspelt_command_is_told_which_was_meant(typed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refusal(typed.split(), capsys)


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (
            "fit cars x --out y --precison small",
            "no option --precison; did you mean --precision? see `triptych fit --he",
        ),
        ("fit cars x --out y --precision tiny", "invalid choice 'tiny' for argument '--precision'"),
        ("fit cars", "lists), --out PATH (Folder of the bank); see `triptych fit --help`"),
        (
            "fit cars",
            "Missing from triptych fit: DATA (Folder of the dataset: one scene, or one subfolder per scene, in",
        ),
        ("train x", "Missing from triptych train: --out PATH (Folder of the run"),
        ("train x --out y --joint.batch two", "Error parsing --joint.batch"),
        ("train x y --out z", "expected nothing more, found y; see `triptych train --help`"),
        ("export mesh x", "see `triptych export mesh --help`"),
        ("export", "Expected one of {"),
        ("", "see `triptych --help`"),
    ],
)
def test_what_cannot_be_parsed_is_said_in_one_line(typed: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert said in refusal(typed.split(), capsys)


def test_a_misspelt_model_is_told_which_models_come_along(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(["fit", "cras", str(tmp_path), "--out", str(tmp_path / "bank")], capsys)
    assert "cras: no such folder" in said
    assert "the name of one that comes with triptych (`cars`, `objects`)" in said


def test_a_dry_run_checks_and_measures_and_writes_nothing(
    data: Path, trained_balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out"), "--dry-run"]
    for command in (["train", str(data), *TINY], ["fit", str(trained_balls), str(data), "--test-views", "2"]):
        main([*command, *out])
        said = capsys.readouterr().out
        assert '"epochs": ' in said
        assert re.search(r"^about \d+ (seconds|minutes), \d+\.\d GB of memory; nothing was begun", said, re.MULTILINE)
        assert not (tmp_path / "out").exists()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("")
    assert "expected a new or empty folder" in refusal(["train", str(data), *TINY, *out], capsys)


def test_scenes_by_themselves(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small = [
        *("--planes.resolution", "8", "--planes.micro-features", "4", "--mlp.hidden", "16"),
        *("--sampling.coarse", "8", "--sampling.importance", "0", "--steps", "3", "--rays", "64"),
    ]
    main(["rgb", str(data), "--out", str(tmp_path / "rgb"), "--test-views", "2", *small])
    assert sorted(path.name for path in (tmp_path / "rgb").iterdir() if path.is_dir()) == ["ball_3", "ball_4"]
    main(["export", "video", str(tmp_path / "rgb" / "ball_3"), str(tmp_path / "ball.mp4"), "--frames", "2"])

    single = ["single", str(data), "--kind", "sdf", "--out", str(tmp_path / "sdf"), "--test-views", "2", *small]
    assert "ends in .glb" in refusal([*single, "--mesh", str(tmp_path / "ball.stl")], capsys)
    assert not (tmp_path / "sdf").exists()
    main(single)
    main([*single, "--mesh", str(tmp_path / "ball.glb")])  # the fitted scene is read, not fitted again
    said = capsys.readouterr().out
    assert said.count("dB on 2 test views") == 2
    assert (tmp_path / "ball.glb").read_bytes().startswith(b"glTF")


def remove_a_picture(data: Path) -> None:
    (data / "ball_1" / "rgba" / "002.png").unlink()


def truncate_a_picture(data: Path) -> None:
    picture = data / "ball_1" / "rgba" / "002.png"
    picture.write_bytes(picture.read_bytes()[:200])


def shrink_a_picture(data: Path) -> None:
    Image.new("RGBA", (16, 16)).save(data / "ball_1" / "rgba" / "002.png")


def edit(change: Callable[[dict], None]) -> Callable[[Path], None]:
    def damage(data: Path) -> None:
        path = data / "ball_1" / "transforms.json"
        document = json.loads(path.read_text())
        change(document)
        path.write_text(json.dumps(document))

    return damage


def no_json(data: Path) -> None:
    (data / "ball_1" / "transforms.json").write_text("{ not json")


def empty(data: Path) -> None:
    shutil.rmtree(data)
    data.mkdir()


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (shutil.rmtree, "data"),
        (empty, "data"),
        (remove_a_picture, "002.png"),
        (truncate_a_picture, "002.png"),
        (shrink_a_picture, "002.png"),
        (no_json, "transforms.json"),
        (edit(lambda d: d["frames"][2]["transform_matrix"][0].__setitem__(0, float("nan"))), "transforms.json"),
        (edit(lambda d: d["frames"][2]["transform_matrix"][0].__setitem__(0, 5.0)), "transforms.json"),
        (edit(lambda d: d.update(fl_x=0.0)), "transforms.json"),
        (edit(lambda d: d["frames"][2].update(file_path="../../../etc/passwd")), "transforms.json"),
        (edit(lambda d: d.update(frames=d["frames"][:1])), "ball_1"),
    ],
)
def test_bad_data_are_refused_in_one_line_and_nothing_is_begun(
    damage: Callable[[Path], None],
    expected: str,
    data: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    damage(data)
    said = refusal(["train", str(data), "--out", str(tmp_path / "run"), *TINY], capsys)
    assert expected in said
    assert not (tmp_path / "run").exists()
    cache = tmp_path / "cache" / "triptych"
    assert not cache.exists() or not any(cache.iterdir())


def test_a_box_that_no_ray_meets_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads((data / "dataset.json").read_text())
    document["aabb"] = [[50.0, 50.0, 50.0], [51.0, 51.0, 51.0]]
    (data / "dataset.json").write_text(json.dumps(document))
    assert "box" in refusal(["train", str(data), "--out", str(tmp_path / "run"), *TINY], capsys)


def test_wrong_banks_and_models_are_refused(
    data: Path, trained_balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "out")]
    assert "no such folder" in refusal(["fit", str(tmp_path / "nothing"), str(data), *out], capsys)
    assert "expected a scene bank" in refusal(["eval", str(data), str(data), *out], capsys)
    shutil.copytree(trained_balls / "model", tmp_path / "model")
    (tmp_path / "model" / "shared.safetensors").unlink()
    assert "shared.safetensors" in refusal(["fit", str(tmp_path / "model"), str(data), *out], capsys)
    bank, plain = str(trained_balls / "trained_scenes"), str(trained_balls / "plain_model")
    assert "belongs to model" in refusal(["eval", bank, str(data), *out, "--model", plain], capsys)
    assert not (tmp_path / "out").exists()


def test_exports_of_nothing_are_refused(
    trained_balls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bank, model = str(trained_balls / "trained_scenes"), ["--model", str(trained_balls)]
    out = tmp_path / "out"
    for arguments, expected in (
        (["mesh", bank, str(out), "--scenes", "nobody"], "no scene 'nobody'"),
        (["mesh", bank, str(out / "all.glb")], "one file for 3 scenes"),
        (["images", bank, str(out), "--cameras", str(tmp_path / "none.json")], "no such file"),
        (["images", bank, str(out), "--frames", "0"], "--frames is 0"),
        (["images", bank, str(out), "--frames", "1"], "at least two"),
        (["scene", bank, "nobody", str(out / "a.triptych-scene")], "no scene 'nobody'"),
        (["web", bank, str(out), "--scenes", "nobody"], "no scene 'nobody'"),
        (["video", bank, str(out / "a.mp4"), "--scene", "ball_0"], "--layout compare"),
    ):
        assert expected in refusal(["export", *arguments, *model], capsys)
    assert not out.exists()


def test_an_unavailable_device_is_refused(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal(["train", str(data), "--out", str(tmp_path / "run"), "--device", "mps", *TINY], capsys)
    assert "--device mps" in said


def test_inspect_names_every_problem(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truncate_a_picture(data)
    (data / "ball_3" / "transforms.json").write_text("[]")
    with pytest.raises(SystemExit) as ended:
        main(["data", "inspect", str(data), "--out", str(tmp_path / "inspect"), "--test-views", "2"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "002.png" in said
    assert "ball_3" in said


@pytest.mark.parametrize("views", [2, 6])
def test_a_dataset_may_have_few_views(views: int, tmp_path: Path) -> None:
    drawn = tmp_path / "cars"
    main(["data", "cars", str(drawn), "--count", "1", "--train", "1", "--views", str(views), "--resolution", "16"])
    assert (drawn / "contact_sheet.png").is_file()


@pytest.mark.skipif(shutil.which("mount") is None or os.geteuid() != 0, reason="needs root to mount a tiny disk")
def test_a_full_disk_ends_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk, small = tmp_path / "disk", ["--views", "12", "--resolution", "64"]
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("this machine does not let us mount a tiny disk")
    try:
        said = refusal(["data", "cars", str(disk / "cars"), "--count", "6", "--train", "3", *small], capsys)
        assert "No space left" in said
        left = list((disk / "cars").glob("car_*"))
        assert all((entry / "transforms.json").exists() for entry in left)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_presets_set_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    for preset, channels in (("quick", "affine"), ("paper", "tanh")):
        with pytest.raises(SystemExit) as ended:
            main(["train", "--preset", preset, "--help"])
        assert ended.value.code == 0
        assert f"(default: {channels})" in " ".join(capsys.readouterr().out.replace("│", " ").split())


def test_pictures_are_what_the_tool_shows(data: Path, tmp_path: Path) -> None:
    main(["data", "inspect", str(data), "--out", str(tmp_path / "inspect"), "--test-views", "2"])
    sheet = np.asarray(Image.open(tmp_path / "inspect" / "contact_sheet.png").convert("RGB"))
    assert sheet.std() > 10
