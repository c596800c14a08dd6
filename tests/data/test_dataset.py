"""Datasets of many scenes behind one interface, and the cache of their pictures."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
import tyro
from PIL import Image
from posed_scenes import FOCAL, OPENCV_C2W, open_at, picture_with_dot, save, write_srn, write_transforms

from triptych.data import Dataset, DatasetConfig, dataset_from_arrays, open_dataset
from triptych.data.cache import room
from triptych.data.formats.writer import write_dataset_file, write_scene
from triptych.data.generators.resumable import MAKING_FILE
from triptych.data.splits import split_by_rule
from triptych.errors import InputError
from triptych.geometry import hemisphere_cameras

SCENES = ("car_00", "car_01", "car_02")


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Three scenes of four views in triptych's own layout."""
    generator = np.random.default_rng(0)
    for seed, name in enumerate(SCENES):
        rgba = generator.integers(0, 256, (4, 16, 16, 4), dtype=np.uint8)
        write_scene(tmp_path / "cars", name, hemisphere_cameras(4, 16, seed), rgba)
    splits = {"train": SCENES[:2], "test": SCENES[2:]}
    write_dataset_file(tmp_path / "cars", [[-0.5, -0.4, -0.3], [0.5, 0.4, 0.3]], splits, {"generator": "test"})
    return tmp_path / "cars"


def test_what_the_writer_wrote_is_read_back(written: Path) -> None:
    dataset = open_at(written)
    assert dataset.names == SCENES
    assert len(dataset) == 3
    assert (dataset.height, dataset.width) == (16, 16)
    assert torch.equal(dataset.aabb, torch.tensor([[-0.5, -0.4, -0.3], [0.5, 0.4, 0.3]]))
    assert dataset.declared_splits == {"train": SCENES[:2], "test": SCENES[2:]}
    expected = hemisphere_cameras(4, 16, seed=1)
    assert torch.allclose(dataset.cameras(1).c2w, expected.c2w, atol=1e-6)
    assert torch.allclose(dataset.cameras(1).intrinsics, expected.intrinsics)
    for view in (2, 0):
        rgba = np.asarray(Image.open(written / "car_01" / "rgba" / f"{view:03d}.png")).astype(float)
        over_white = rgba[..., :3] * rgba[..., 3:] / 255 + 255 - rgba[..., 3:]
        assert np.abs(dataset.images(1, [2, 0])[0 if view == 2 else 1] - over_white).max() <= 0.51


def test_images_are_copies_of_the_cache(written: Path) -> None:
    dataset = open_at(written)
    picture = dataset.images(0, [0])
    picture[:] = 7
    assert not np.array_equal(dataset.images(0, [0]), picture)
    assert type(picture) is np.ndarray


def test_a_subset_shares_everything_but_its_scenes(written: Path) -> None:
    dataset = open_at(written)
    subset = dataset.subset([2, 1])
    assert subset.names == ("car_01", "car_02")
    assert subset.fingerprints == dataset.fingerprints[1:]
    assert subset.declared_splits == {"train": ("car_01",), "test": ("car_02",)}
    assert np.array_equal(subset.images(1, [3]), dataset.images(2, [3]))
    assert torch.equal(subset.cameras(0).c2w, dataset.cameras(1).c2w)


def test_digests_tell_which_part_of_the_data_differs(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_srn(tmp_path / "data" / name)
    opened = open_at(tmp_path / "data")
    views = {name: (opened.images(scene, range(3)), opened.cameras(scene)) for scene, name in enumerate(opened.names)}
    ours = opened.digests()
    assert dataset_from_arrays(views, opened.aabb).digests() == opened.in_memory().digests() == ours
    assert opened.subset([1]).digests() == opened.subset([1]).in_memory().digests() != ours

    def differing(scenes: Dataset) -> list[str]:
        return [part for part, digest in scenes.digests().items() if digest != ours[part]]

    assert differing(dataset_from_arrays(views, opened.aabb * 1.5)) == ["box"]
    pictures, cameras = views[opened.names[-1]]
    pictures[-1, -1, -1, -1] ^= 1
    assert differing(dataset_from_arrays(views, opened.aabb)) == ["pictures"]
    pictures[-1, -1, -1, -1] ^= 1
    cameras.intrinsics[-1, 0] *= 1.001
    assert differing(dataset_from_arrays(views, opened.aabb)) == ["cameras"]


def test_mixed_formats_and_foreign_folders(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "b")
    write_transforms(tmp_path / "data" / "a", {"fl_x": FOCAL})
    (tmp_path / "data" / "notes").mkdir()
    shutil.copytree(tmp_path / "data" / "a", tmp_path / "data" / ".hidden")
    (tmp_path / "data" / "dataset.json").write_text('{"made by": "another program"}')
    dataset = open_at(tmp_path / "data")
    assert dataset.names == ("a", "b")
    assert torch.allclose(dataset.cameras(0).c2w, dataset.cameras(1).c2w, atol=1e-6)
    assert np.array_equal(dataset.images(0, [0]), dataset.images(1, [0]))


def test_box_defaults_to_the_format_and_can_be_given(tmp_path: Path) -> None:
    assert open_at(write_srn(tmp_path / "srn")).aabb[1].tolist() == pytest.approx([0.55] * 3)
    transforms = write_transforms(tmp_path / "transforms", {"fl_x": FOCAL})
    assert open_at(transforms).aabb[1].tolist() == [1.5] * 3
    assert open_at(transforms, half_extent=0.25).aabb.tolist() == [[-0.25] * 3, [0.25] * 3]


def test_downscaling_averages_squares_and_keeps_the_field_of_view(tmp_path: Path) -> None:
    dataset = open_at(write_srn(tmp_path / "srn"), resolution=8)
    assert dataset.cameras(0).intrinsics[0].tolist() == [8, 8, 4, 4]
    # One red pixel of 16 at (20, 8) on white.
    assert dataset.images(0, [0])[0, 2, 5].tolist() == [255, round(15 * 255 / 16), 239]
    assert dataset.images(0, [0])[0, 0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("resolution", [5, 64])
def test_downscaling_by_a_fraction_is_refused(tmp_path: Path, resolution: int) -> None:
    with pytest.raises(InputError, match="cannot be box-downscaled"):
        open_at(write_srn(tmp_path / "srn"), resolution=resolution)


def test_views_spread_or_first() -> None:
    spread = split_by_rule(20, 4, "spread", "scene")
    assert spread.test == (2, 7, 12, 17)
    assert sorted(spread.train + spread.test) == list(range(20))
    assert split_by_rule(20, 4, "first", "scene").test == (0, 1, 2, 3)
    assert split_by_rule(3, 0, "spread", "scene").train == (0, 1, 2)
    for count in range(2, 40):
        for held_out in range(count):
            assert len(split_by_rule(count, held_out, "spread", "scene").train) == count - held_out


def test_too_many_test_views(written: Path) -> None:
    with pytest.raises(InputError, match=r"car_00: 4 view\(s\), of which 4 cannot be held out; lower test_views"):
        open_at(written, test_views=4)


def test_cameras_below_the_ground_are_dropped(tmp_path: Path) -> None:
    write_srn(tmp_path / "srn", views=5)
    for view in (1, 3):
        pose = tmp_path / "srn" / "pose" / f"{view:06d}.txt"
        sunk = np.array(OPENCV_C2W, dtype=float)
        sunk[2, 3] = -0.2
        pose.write_text(" ".join(map(str, sunk.flatten())))
    everything = open_at(tmp_path / "srn")
    kept = open_at(tmp_path / "srn", above_ground=True, test_rule="first")
    assert torch.equal(kept.cameras(0).c2w, everything.cameras(0).c2w[[0, 2, 4]])
    assert kept.views(0).test == (0,)
    assert np.array_equal(kept.images(0, [1]), everything.images(0, [2]))


def test_view_numbers_stay_when_a_rule_drops_views(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_srn(tmp_path / "data" / name, views=5)
    for view in (1, 3):
        sunk = np.array(OPENCV_C2W, dtype=float)
        sunk[2, 3] = -0.2
        (tmp_path / "data" / "b" / "pose" / f"{view:06d}.txt").write_text(" ".join(map(str, sunk.flatten())))
    kept = open_at(tmp_path / "data", above_ground=True)
    assert kept.view_numbers(0) == (0, 1, 2, 3, 4)
    assert kept.view_numbers(1) == kept.subset([1]).view_numbers(0) == (0, 2, 4)
    assert open_at(tmp_path / "data").view_numbers(1) == (0, 1, 2, 3, 4)


def test_blank_scenes_are_known(tmp_path: Path) -> None:
    blank = np.full((32, 32, 3), 255, np.uint8)
    write_srn(tmp_path / "data" / "a")
    write_srn(tmp_path / "data" / "b", picture=blank)
    write_srn(tmp_path / "data" / "c", picture=blank)
    save(tmp_path / "data" / "c" / "rgb" / "000002.png", picture_with_dot())
    dataset = open_at(tmp_path / "data")
    assert [dataset.is_blank(scene) for scene in range(3)] == [False, True, False]


def test_no_camera_above_the_ground(tmp_path: Path) -> None:
    write_srn(tmp_path / "srn")
    for pose in (tmp_path / "srn" / "pose").iterdir():
        sunk = np.array(OPENCV_C2W, dtype=float)
        sunk[2, 3] = -0.2
        pose.write_text(" ".join(map(str, sunk.flatten())))
    with pytest.raises(InputError, match=r"srn: 0 camera\(s\) above the ground"):
        open_at(tmp_path / "srn", above_ground=True)


def test_declared_test_views_survive_the_ground_rule(tmp_path: Path) -> None:
    write_transforms(tmp_path / "s", {"fl_x": FOCAL}, "transforms_train.json", directory="train")
    write_transforms(tmp_path / "s", {"fl_x": FOCAL}, "transforms_test.json", directory="test")
    split = open_at(tmp_path / "s", above_ground=True, test_views=5).views(0)
    assert (split.train, split.test) == ((3, 4, 5), (0, 1, 2))


# The cache


def test_pictures_are_decoded_once_until_a_file_changes(written: Path) -> None:
    calls: list[tuple[int, int]] = []
    config = DatasetConfig(written, test_views=1, cache=written.parent / "cache")
    first = open_dataset(config, progress=lambda done, total: calls.append((done, total)))
    assert calls == [(done, 12) for done in range(1, 13)]
    again = open_dataset(config, progress=lambda done, total: calls.append((done, total)))
    assert len(calls) == 12
    assert again.fingerprints == first.fingerprints
    assert torch.equal(again.cameras(2).c2w, first.cameras(2).c2w)

    before = first.images(0, [0])
    save(written / "car_00" / "rgba" / "000.png", np.full((16, 16, 3), 5, np.uint8))
    changed = open_dataset(config, progress=lambda done, total: calls.append((done, total)))
    assert len(calls) == 24
    assert (changed.images(0, [0]) == 5).all()
    assert np.array_equal(first.images(0, [0]), before), "an open dataset keeps its pictures"
    assert changed.fingerprints[0] != first.fingerprints[0]
    assert changed.fingerprints[1:] == first.fingerprints[1:]


def test_rules_that_choose_views_share_one_cache_entry(written: Path) -> None:
    for options in ({"test_views": 1}, {"test_views": 2, "test_rule": "first"}, {"half_extent": 1.0}):
        open_at(written, **options)
    assert len(list((written.parent / "cache").iterdir())) == 1


@pytest.mark.parametrize("damage", ["truncate", "no picture"])
def test_a_truncated_picture_leaves_no_cache(written: Path, damage: str) -> None:
    victim = written / "car_02" / "rgba" / "003.png"
    victim.write_bytes(victim.read_bytes()[:-200] if damage == "truncate" else b"")
    with pytest.raises(InputError, match=r"car_02/rgba/003\.png: "):
        open_at(written)
    cache = written.parent / "cache"
    assert not cache.exists() or not list(cache.iterdir())


def test_a_damaged_cache_entry_is_named(written: Path) -> None:
    open_at(written)
    (entry,) = (written.parent / "cache").iterdir()
    pictures = (entry / "pictures.raw").read_bytes()
    (entry / "pictures.raw").write_bytes(pictures[:500])
    with pytest.raises(InputError, match=f"{entry}/pictures.raw: expected"):
        open_at(written)
    (entry / "index.json").unlink()
    with pytest.raises(InputError, match=f"{entry}: this cache entry is damaged .*; delete it"):
        open_at(written)


def test_a_flipped_bit_of_a_cached_picture_is_noticed_when_it_is_read(written: Path) -> None:
    scenes = open_at(written)
    (entry,) = (written.parent / "cache").iterdir()
    pictures = bytearray((entry / "pictures.raw").read_bytes())
    pictures[-1] ^= 4  # in the last picture of the last scene
    (entry / "pictures.raw").write_bytes(pictures)
    damaged = open_at(written)
    last = len(damaged) - 1
    views = range(len(damaged.cameras(last)))
    assert (damaged.images(0, [0]) == scenes.images(0, [0])).all()
    with pytest.raises(InputError, match=f"picture .* is damaged; delete {entry}"):
        damaged.images(last, list(views))


def test_a_cache_that_cannot_be_written_is_named(written: Path) -> None:
    (written.parent / "file").write_text("")
    with pytest.raises(InputError, match="the cache cannot be written"):
        open_at(written, cache=written.parent / "file")


def test_default_cache_follows_xdg(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(written.parent / "xdg"))
    open_dataset(DatasetConfig(written, test_views=1))
    assert len(list((written.parent / "xdg" / "triptych").iterdir())) == 1


def test_two_processes_build_the_same_cache(written: Path) -> None:
    """Both wait for the other's start inside the build, so that they do overlap."""
    script = """
import sys, time
from pathlib import Path
from triptych.data import DatasetConfig, open_dataset

path, me, other = Path(sys.argv[1]), *map(Path, sys.argv[2:])
def progress(done, total):
    me.touch()
    while not other.exists():
        time.sleep(0.01)
dataset = open_dataset(DatasetConfig(path, test_views=1, cache=path.parent / "cache"), progress)
print(dataset.fingerprints[0], int(dataset.images(2, [3]).astype(int).sum()))
"""
    flags = [str(written.parent / "one"), str(written.parent / "two")]
    commands = [[sys.executable, "-c", script, str(written), *order] for order in (flags, flags[::-1])]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert outputs[0] == outputs[1] != ""
    assert len(list((written.parent / "cache").iterdir())) == 1


def copied(written: Path, name: str) -> Path:
    return Path(shutil.copytree(written, written.parent / name))


def test_the_cache_gives_up_what_was_used_longest_ago(written: Path) -> None:
    first, second, third = written, copied(written, "second"), copied(written, "third")
    options = {"cache": written.parent / "cache", "cache_size": 2.5 * 12 * (16 * 16 * 4) / 1e9}
    open_at(first, **options)
    (of_first,) = (written.parent / "cache").iterdir()
    open_at(second, **options)
    os.utime(of_first, (1, 1))
    open_at(first, **options)  # now the second one is the oldest
    open_at(third, **options)
    left = list((written.parent / "cache").iterdir())
    assert len(left) == 2
    assert of_first in left


def test_pictures_that_a_process_has_open_stay_in_the_cache(written: Path) -> None:
    script = """
import sys
from pathlib import Path
from triptych.data import DatasetConfig, open_dataset

path = Path(sys.argv[1])
dataset = open_dataset(DatasetConfig(path, test_views=1, cache=path.parent / "cache"))
print("open", flush=True)
sys.stdin.readline()
print(int(dataset.images(2, [3]).astype(int).sum()))
"""
    other, third = copied(written, "other"), copied(written, "third")
    command = [sys.executable, "-c", script, str(written)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "open\n"
        (of_process,) = (written.parent / "cache").iterdir()
        open_at(other, cache_size=0.0)
        open_at(third, cache_size=0.0)
        left = list((written.parent / "cache").iterdir())
        output, _ = process.communicate("\n", timeout=600)
    assert of_process in left
    assert len(left) == 2, "that of the process, and the third"
    assert int(output) == open_at(written).images(2, [3]).astype(int).sum()
    open_at(other, cache_size=0.0)
    assert len(list((written.parent / "cache").iterdir())) == 1


def test_the_cache_gives_up_entries_where_no_folder_moves_while_a_file_in_it_is_open(
    written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows, which has no flock either."""
    rename, this = Path.rename, psutil.Process()

    def rename_as_on_windows(path: Path, target: Path) -> Path:
        files = [file.path for file in [*this.open_files(), *this.memory_maps()]]
        if any(Path(file).is_relative_to(path) for file in files):
            raise PermissionError(13, "The process cannot access the file", str(path))
        return rename(path, target)

    monkeypatch.setattr(room, "fcntl", None)
    monkeypatch.setattr(Path, "rename", rename_as_on_windows)
    held = open_at(written, cache_size=0.0)
    (of_held,) = (written.parent / "cache").iterdir()
    for name in ("second", "third"):
        open_at(copied(written, name), cache_size=0.0)
    left = list((written.parent / "cache").iterdir())
    assert of_held in left
    assert len(left) == 2, "that which is open, and the third"
    assert len(held) == 3


def test_what_else_lies_in_the_cache_is_left_alone(written: Path) -> None:
    cache = written.parent / "cache"
    (cache / "onnxruntime-web-1").mkdir(parents=True)
    (cache / "onnxruntime-web-1" / "file").write_text("kept")
    open_at(written, cache_size=0.0)
    open_at(copied(written, "second"), cache_size=0.0)
    assert (cache / "onnxruntime-web-1" / "file").read_text() == "kept"


# What is refused


def test_folders_without_scenes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        open_at(tmp_path / "absent")
    with pytest.raises(InputError, match=r"no scene found; expected transforms\.json, or rgb/"):
        open_at(tmp_path)
    file = write_transforms(tmp_path / "scene", {"fl_x": FOCAL}) / "transforms.json"
    with pytest.raises(InputError, match="expected a folder, found a file"):
        open_at(file)


def test_one_view_is_not_a_scene(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a scene needs at least two"):
        open_at(write_srn(tmp_path / "srn", views=1))


def test_pictures_of_two_sizes(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_transforms(tmp_path / "data" / name, {"fl_x": FOCAL})
    save(tmp_path / "data" / "a" / "images" / "r_0.png", picture_with_dot(side=64))
    with pytest.raises(InputError, match=r"a/images/r_0\.png: this picture is 64x64, most are 32x32"):
        open_at(tmp_path / "data")
    assert not (tmp_path / "cache").exists()


def test_a_camera_that_sees_nothing_of_the_box(tmp_path: Path) -> None:
    write_srn(tmp_path / "srn")
    away = np.array(OPENCV_C2W, dtype=float)
    away[0, 3] = -2
    (tmp_path / "srn" / "pose" / "000001.txt").write_text(" ".join(map(str, away.flatten())))
    with pytest.raises(InputError, match=r"scene srn: no ray of view 1 .* meets the scene box"):
        open_at(tmp_path / "srn")
    assert not (tmp_path / "cache").exists()


def test_a_camera_that_sees_a_corner_of_the_box(tmp_path: Path) -> None:
    """The box's center lies far outside the picture; a strip of pixels at its edge sees the box."""
    write_srn(tmp_path / "srn")
    aside = np.array(OPENCV_C2W, dtype=float)
    aside[1, 3] = 1.2
    (tmp_path / "srn" / "pose" / "000001.txt").write_text(" ".join(map(str, aside.flatten())))
    assert len(open_at(tmp_path / "srn").cameras(0)) == 3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"version": 2}, "version: expected 1, found 2"),
        ({"aabb": [[0, 0, 0]]}, "aabb: expected two corners"),
        ({"aabb": [[1, 1, 1], [0, 0, 0]]}, "aabb: expected the lower corner first"),
        ({"aabb": [[0, 0, "a"], [1, 1, 1]]}, "aabb: expected a number"),
        ({"splits": ["car_00"]}, "splits: expected scene names by use"),
        ({"splits": {"train": "car_00"}}, "splits, train: expected a list of scene names"),
        ({"splits": {"train": ["car_77"]}}, "there is no scene 'car_77'"),
        ({"splits": {"train": ["car_00"], "test": ["car_00"]}}, "'car_00' is in both 'train' and 'test'"),
    ],
)
def test_bad_dataset_files(written: Path, change: dict[str, object], expected: str) -> None:
    file = written / "dataset.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | change))
    with pytest.raises(InputError, match=expected) as caught:
        open_at(written)
    assert str(file) in str(caught.value)


def test_a_half_made_dataset(written: Path) -> None:
    (written / "dataset.json").rename(written / MAKING_FILE)
    with pytest.raises(InputError, match="this dataset is incomplete"):
        open_at(written)


@pytest.mark.parametrize("options", [{"test_views": -1}, {"half_extent": 0.0}, {"half_extent": float("nan")}])
def test_options_out_of_range(written: Path, options: dict[str, object]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        open_at(written, **options)


def test_the_command_line_fills_the_config() -> None:
    config = tyro.cli(DatasetConfig, args=["cars", "--test-rule", "first", "--above-ground"])
    assert config == DatasetConfig(Path("cars"), test_rule="first", above_ground=True)
