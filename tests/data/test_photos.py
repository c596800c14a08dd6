"""Photographs as a dataset in one frame: where known points land, gains, reruns, messages."""

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from photo_scenes import (
    LAMP_CENTER,
    SIZE,
    before,
    carried_by,
    draw_toy,
    gauge,
    read_cameras_of,
    toy_cameras,
    turn_of,
    write_fisheye_toy,
    write_photos,
    write_toy,
)
from PIL import Image
from posed_scenes import open_at, save

from triptych.cli import main
from triptych.data.photos import PhotosConfig, import_photos
from triptych.data.photos import dataset as photos_dataset
from triptych.data.photos.cutouts import find_cutouts
from triptych.data.photos.exposure import gains
from triptych.data.photos.placing import place
from triptych.data.photos.small_views import SmallViews, small_views
from triptych.errors import InputError
from triptych.geometry import Cameras, look_at

VIEWS = 12


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A toy with alpha and one through a fisheye with masks, each in a world of its own."""
    root = tmp_path_factory.mktemp("photos")
    write_toy(root / "photos" / "plain")
    write_fisheye_toy(root / "photos" / "fisheye")
    import_photos(root / "photos", root / "data", PhotosConfig(size=64))
    return root


def _to_toy(root: Path, name: str, seed: int) -> tuple[float, np.ndarray, np.ndarray]:
    eyes = toy_cameras(seed=seed).c2w[:, :, 3].numpy()
    return carried_by(eyes, read_cameras_of(root / "data" / name)[0][:, :3, 3])


def test_objects_of_different_worlds_end_up_in_one_frame(imported: Path) -> None:
    (scale, rotation, shift), other = _to_toy(imported, "plain", 1), _to_toy(imported, "fisheye", 2)
    assert scale == pytest.approx(1.0, rel=0.07), "a hull by 12 views is that much larger than the toy"
    assert other[0] == pytest.approx(scale, rel=0.03)
    assert np.abs([shift, other[2]]).max() < 0.04
    for turned in (rotation, other[1]):
        assert turned[2, 2] > np.cos(np.radians(1)), "upright"
        assert np.cos(np.radians(turn_of(turned))) > np.cos(np.radians(5)), "front along x, the higher end behind"


@pytest.mark.parametrize(("name", "seed"), [("plain", 1), ("fisheye", 2)])
def test_a_known_point_lands_in_its_pixel(imported: Path, name: str, seed: int) -> None:
    scale, rotation, shift = _to_toy(imported, name, seed)
    point = scale * rotation @ np.array(LAMP_CENTER) + shift
    c2w, intrinsics, pictures = read_cameras_of(imported / "data" / name)
    seen = 0
    for matrix, (fx, fy, cx, cy), picture in zip(c2w, intrinsics, pictures, strict=True):
        x, y, z = matrix[:3, :3].T @ (point - matrix[:3, 3])
        red = (picture[..., 0].astype(int) - picture[..., 1] > 120) & (picture[..., 3] > 200)
        if red.sum() >= 12:  # the whole lamp, not a corner behind the cabin
            rows, columns = np.nonzero(red)
            assert (columns.mean() + 0.5, rows.mean() + 0.5) == pytest.approx(
                (fx * x / z + cx, fy * y / z + cy), abs=1.5
            )
            seen += 1
    assert seen >= 4


def test_the_dataset_opens_with_square_cut_out_pictures(imported: Path) -> None:
    dataset = open_at(imported / "data")
    assert dataset.names == ("fisheye", "plain")
    assert dataset.images(0, [0]).shape == (1, 64, 64, 3)
    assert len(dataset.cameras(0)) == VIEWS
    low, high = dataset.aabb.numpy()
    assert (low > -0.55).all()
    assert (high < 0.55).all()
    assert max(high - low) == pytest.approx(1.04, abs=0.03)
    alpha = read_cameras_of(imported / "data" / "plain")[2][0][..., 3]
    assert alpha[0].max() == alpha[:, 0].max() == 0
    assert 0.1 < (alpha > 128).mean() < 0.6


def test_the_sheet_shows_every_object(imported: Path) -> None:
    with Image.open(imported / "data" / "alignment.png") as sheet:
        assert sheet.width > 2 * 128
        assert sheet.height > 128 + 64


def _toy(views: int = VIEWS) -> tuple[Any, np.ndarray]:
    cameras = toy_cameras(views, seed=1)
    return cameras, draw_toy(cameras)


def _links(root: Path) -> Any:
    return photos_dataset.LinkPolicy(root.resolve())


def test_exposure_is_found_and_evened_out(tmp_path: Path) -> None:
    cameras, rgba = _toy()
    known = np.exp(np.random.default_rng(3).uniform(-0.2, 0.2, VIEWS))
    lit = rgba.copy()
    lit[..., :3] = (rgba[..., :3] * known[:, None, None, None]).round().clip(0, 255)
    write_photos(tmp_path / "photos" / "toy", cameras, lit, gauge(1))
    found = next(iter(photos_dataset.find_objects(tmp_path / "photos", _links(tmp_path), tmp_path / "out")))
    views = small_views(find_cutouts(found.parse(), found.folder, "auto", 24, tmp_path))
    gain = gains(place(views, "level", 0.05), views)
    assert gain / gain[0] == pytest.approx(known / known[0], rel=0.03)

    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=64, exposure="compensate"))
    bodies = [_body_color(picture) for picture in read_cameras_of(tmp_path / "data" / "toy")[2]]
    assert np.ptp(bodies) / np.mean(bodies) < 0.05


def _body_color(picture: np.ndarray) -> float:
    blue = (picture[..., 3] == 255) & (picture[..., 2].astype(int) - picture[..., 0] > 30)
    return float(np.median(picture[blue][:, 2]))


def test_a_rerun_keeps_what_is_finished_and_goes_on_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, seed in (("a", 1), ("b", 2)):
        write_toy(tmp_path / "photos" / name, seed)
    write = photos_dataset.write_record

    def stop(root: Path, name: str, *rest: Any) -> None:
        if name == "b":
            raise KeyboardInterrupt
        write(root, name, *rest)

    monkeypatch.setattr(photos_dataset, "write_record", stop)
    with pytest.raises(KeyboardInterrupt):
        import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=32))
    first = (tmp_path / "data" / "a" / "rgba" / "000.png").stat()
    with pytest.raises(InputError, match="incomplete"):
        open_at(tmp_path / "data")
    monkeypatch.setattr(photos_dataset, "write_record", write)
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=32))
    assert (tmp_path / "data" / "a" / "rgba" / "000.png").stat().st_ino == first.st_ino
    import_photos(tmp_path / "photos", tmp_path / "whole", PhotosConfig(size=32))
    for file in ("a/transforms.json", "b/transforms.json", "b/rgba/003.png", "dataset.json", "alignment.json"):
        assert (tmp_path / "data" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes()


def test_turns_by_hand_stay_and_added_objects_turn_like_the_others(imported: Path, tmp_path: Path) -> None:
    shutil.copytree(imported / "photos", tmp_path / "photos")
    shutil.copytree(imported / "data", tmp_path / "data")
    turns = json.loads((tmp_path / "data" / "alignment.json").read_text())["objects"]
    write_toy(tmp_path / "photos" / "third", seed=5)
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=64, turn=("plain=90",)))
    after = json.loads((tmp_path / "data" / "alignment.json").read_text())["objects"]
    assert after["fisheye"] == turns["fisheye"]
    assert after["plain"] == turns["plain"] | {"by_hand": 90.0}
    assert turn_of(_to_toy(tmp_path, "plain", 1)[1]) == pytest.approx(90, abs=6)
    assert turn_of(_to_toy(tmp_path, "third", 5)[1]) == pytest.approx(0, abs=6)
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=64))
    assert turn_of(_to_toy(tmp_path, "plain", 1)[1]) == pytest.approx(90, abs=6), "a rerun reads alignment.json"


def test_objects_turn_like_those_of_a_dataset(imported: Path, tmp_path: Path) -> None:
    shutil.copytree(imported / "data", tmp_path / "like")
    write_toy(tmp_path / "photos" / "toy", seed=6)
    import_photos(imported / "photos", tmp_path / "like", PhotosConfig(size=64, turn=("all=130",)))
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=64, like=tmp_path / "like"))
    assert turn_of(_to_toy(tmp_path, "toy", 6)[1]) == pytest.approx(130, abs=6)


def _no_cameras(folder: Path) -> None:
    (folder / "transforms.json").unlink()


def _no_masks(folder: Path) -> None:
    for file in (folder / "images").iterdir():
        noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
        save(file, before(np.asarray(Image.open(file)), noise))


def _empty_hull(folder: Path) -> None:
    for view in range(VIEWS):
        rgba = np.zeros((SIZE, SIZE, 4), np.uint8)
        top, left = divmod(view * 7, 10)
        rgba[9 * top : 9 * top + 6, 9 * left : 9 * left + 6] = 255
        save(folder / "images" / f"{view:03d}.png", rgba)


def _empty_mask(folder: Path) -> None:
    save(folder / "images" / "003.png", np.zeros((SIZE, SIZE, 4), np.uint8))


def _other_size(folder: Path) -> None:
    save(folder / "images" / "003.png", np.full((SIZE, SIZE // 2, 4), 255, np.uint8))


BROKEN = {
    "no cameras": (_no_cameras, r"toy: no cameras: expected the results of COLMAP .* or a transforms\.json"),
    "no masks": (_no_masks, r"toy: nothing says where the object is in its pictures; save PNGs with alpha"),
    "empty hull": (_empty_hull, r"toy: the masks have nothing in common \(an empty hull\); do poses and masks belong"),
    "empty mask": (_empty_mask, r"003\.png: its mask \(given\) shows no object; mend it or remove this view"),
    "another size": (_other_size, r"003\.png: the picture is 48x96, but its intrinsics are stated for 96x96"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_broken_is_one_line_and_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setitem(sys.modules, "rembg", None)
    break_it, line = BROKEN[kind]
    break_it(write_toy(tmp_path / "photos" / "toy"))
    with pytest.raises(SystemExit) as end:
        main(["data", "photos", str(tmp_path / "photos"), str(tmp_path / "data")])
    assert end.value.code == 2
    told = [text for text in capsys.readouterr().err.splitlines() if text.startswith("triptych:")]
    assert len(told) == 1
    assert re.search(line, told[0])
    assert not (tmp_path / "data").exists()


def test_a_broken_object_is_skipped_and_the_others_go_on(tmp_path: Path) -> None:
    write_toy(tmp_path / "photos" / "good")
    _no_cameras(write_toy(tmp_path / "photos" / "bad", 2))
    skipped: list[str] = []
    watching = photos_dataset.Watching(on_skip=skipped.append)
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=32), watching)
    assert len(skipped) == 1
    assert "bad: no cameras" in skipped[0]
    record = json.loads((tmp_path / "data" / "dataset.json").read_text())["made_by"]
    assert list(record["objects"]) == ["good"]
    assert record["skipped"] == {"bad": skipped[0]}


def test_an_object_of_pictures_that_are_not_read_is_skipped_with_the_reason(tmp_path: Path) -> None:
    write_toy(tmp_path / "photos" / "good")
    (tmp_path / "photos" / "phone" / "images").mkdir(parents=True)
    (tmp_path / "photos" / "phone" / "images" / "IMG_0001.heic").write_bytes(b"ftypheic")
    skipped: list[str] = []
    watching = photos_dataset.Watching(on_skip=skipped.append)
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=32), watching)
    assert [line.partition("phone: ")[2] for line in skipped] == [
        "HEIC pictures are not read; make JPEG or PNG files of them"
    ]


def test_a_linked_object_counts_once(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "linked").symlink_to(write_toy(tmp_path / "elsewhere" / "toy"))
    skipped: list[str] = []
    watching = photos_dataset.Watching(on_skip=skipped.append)
    with pytest.raises(InputError, match=r"^\S*linked: a symbolic link leads to .*--follow-links"):
        import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=32), watching)
    assert len(skipped) == 1
    assert not (tmp_path / "data").exists()
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=32, follow_links=True), watching)
    assert len(skipped) == 1


def test_other_options_are_refused(imported: Path) -> None:
    with pytest.raises(InputError, match="made with size = 64, not 32"):
        import_photos(imported / "photos", imported / "data", PhotosConfig(size=32))
    with pytest.raises(InputError, match="--turn nobody=90: there is no object 'nobody'; there are fisheye, plain"):
        import_photos(imported / "photos", imported / "data", PhotosConfig(size=64, turn=("nobody=90",)))
    with pytest.raises(InputError, match="turn is 'plain', expected an object's name and degrees"):
        PhotosConfig(turn=("plain",))


def test_pictures_that_cut_the_object_are_left_out(tmp_path: Path) -> None:
    cameras = toy_cameras(seed=1)
    intrinsics = cameras.intrinsics.clone()
    intrinsics[4, 2] -= 40  # this one looks past the toy
    aside = type(cameras)(cameras.c2w, intrinsics, SIZE, SIZE)
    write_photos(tmp_path / "photos" / "toy", aside, draw_toy(aside), gauge(1))
    notes: list[str] = []
    watching = photos_dataset.Watching(on_note=notes.append)
    import_photos(tmp_path / "photos", tmp_path / "data", PhotosConfig(size=32), watching)
    assert len(read_cameras_of(tmp_path / "data" / "toy")[2]) == VIEWS - 1
    assert "some pictures cut the object and are left out: toy" in notes
    assert torch.isfinite(open_at(tmp_path / "data").cameras(0).c2w).all()


def ball_from_near(seed: int, count: int = 12) -> SmallViews:
    """Pictures of a ball of radius 0.3, from all around its upper half, which fills three quarters of them."""
    draw, side = np.random.default_rng(seed), 64
    eyes = draw.normal(size=(count, 3)) * [1, 1, 0] + np.abs(draw.normal(size=(count, 3))) * [0, 0, 1]
    eyes = torch.from_numpy(3 * eyes / np.linalg.norm(eyes, axis=1, keepdims=True))
    focal = side / 2 * 3 / 0.4
    intrinsics = torch.tensor([[focal, focal, side / 2, side / 2]], dtype=torch.float64).repeat(count, 1)
    cameras = Cameras(look_at(eyes), intrinsics, side, side)
    rays = cameras.rays()
    shown = (torch.linalg.cross(rays.origins, rays.directions).norm(dim=-1) <= 0.3).reshape(count, side, side)
    rgba = np.zeros((count, side, side, 4), np.uint8)
    rgba[..., 3] = 255 * shown.numpy()
    return SmallViews(rgba, torch.ones_like(shown), cameras)


@pytest.mark.parametrize("seed", [2, 3, 5])
def test_what_most_pictures_do_not_show_is_no_part_of_the_object(seed: int) -> None:
    """Beside the object there are places that half of the pictures take for it, and that the others do not show."""
    assert place(ball_from_near(seed), "keep", 0.0).similarity.scale == pytest.approx(0.5 / 0.3, rel=0.15)
