"""Objects on a turntable: poses follow from angles, the axis from the masks."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from photo_scenes import SIZE, carried_by, draw_toy, read_cameras_of
from PIL import Image
from posed_scenes import save

from triptych.data.photos import TurntableConfig, import_photos
from triptych.data.photos.dataset import Watching
from triptych.errors import InputError
from triptych.geometry import Cameras, look_at

VIEWS = 12
OPTIONS = {"size": 48, "field_of_view": 45.0, "elevation": 25.0}


def _cameras(angles: list[float], clockwise: bool = False, aside: float = 0.0) -> Cameras:
    """A camera that stands still at distance 1.7, in the world of a toy that turns."""
    # Turned counterclockwise by an angle, the toy sees the camera that much clockwise.
    azimuth = torch.tensor(angles).double().deg2rad() * (1 if clockwise else -1)
    elevation = math.radians(OPTIONS["elevation"])
    eyes = torch.stack([azimuth.cos() * math.cos(elevation), azimuth.sin() * math.cos(elevation)], dim=1)
    eyes = 1.7 * torch.cat([eyes, torch.full((len(angles), 1), math.sin(elevation)).double()], dim=1)
    focal = 0.5 * SIZE / math.tan(math.radians(OPTIONS["field_of_view"] / 2))
    intrinsics = torch.tensor([focal, focal, SIZE / 2 + aside, SIZE / 2]).double().expand(len(angles), 4)
    return Cameras(look_at(eyes), intrinsics, SIZE, SIZE)


def _shoot(folder: Path, angles: list[float], names: list[str] | None = None, **options: float | bool) -> Cameras:
    cameras = _cameras(angles, **options)
    for name, picture in zip(names or [f"{n}.png" for n in range(len(angles))], draw_toy(cameras), strict=True):
        save(folder / name, picture)
    return cameras


EVEN = [360.0 * view / VIEWS for view in range(VIEWS)]
UNEVEN = [0.0, 25.0, 60.0, 100.0, 130.0, 165.5, 190.0, 230.0, 265.0, 300.0, 340.0]


def _check(root: Path, cameras: Cameras, order: list[int] | None = None) -> None:
    eyes = cameras.c2w[:, :, 3].numpy()
    found = read_cameras_of(root / "data" / "toy")[0][:, :3, 3]
    scale, rotation, shift = carried_by(eyes if order is None else eyes[order], found)
    residual = scale * (eyes if order is None else eyes[order]) @ rotation.T + shift - found
    assert np.abs(residual).max() < 0.03
    assert scale == pytest.approx(1.0, rel=0.1)
    assert np.abs(shift[:2]).max() < 0.03
    assert rotation[2, 2] > 0.999


@pytest.mark.parametrize("turns", ["counterclockwise", "clockwise"])
def test_even_angles_in_either_direction(tmp_path: Path, turns: str) -> None:
    cameras = _shoot(tmp_path / "tables" / "toy", EVEN, clockwise=turns == "clockwise")
    import_photos(tmp_path / "tables", tmp_path / "data", TurntableConfig(turns=turns, **OPTIONS))
    _check(tmp_path, cameras)


def test_the_wrong_direction_is_told(tmp_path: Path) -> None:
    _shoot(tmp_path / "tables" / "toy", UNEVEN, [f"{angle}.png" for angle in UNEVEN], clockwise=True)
    notes: list[str] = []
    config = TurntableConfig(angles="names", **OPTIONS)
    import_photos(tmp_path / "tables", tmp_path / "data", config, Watching(on_note=notes.append))
    assert "the table seems to turn the other way (--turns): toy" in notes


def test_an_orientation_that_is_not_applied_is_told(tmp_path: Path) -> None:
    _shoot(tmp_path / "tables" / "toy", EVEN)
    asks = Image.Exif()
    asks[0x0112] = 6
    with Image.open(tmp_path / "tables" / "toy" / "3.png") as picture:
        picture.load()
    picture.save(tmp_path / "tables" / "toy" / "3.png", exif=asks)
    notes: list[str] = []
    import_photos(tmp_path / "tables", tmp_path / "data", TurntableConfig(**OPTIONS), Watching(on_note=notes.append))
    assert any("as they are stored" in note and note.endswith("(mogrify -auto-orient): toy") for note in notes)


def test_angles_from_names_and_from_a_table(tmp_path: Path) -> None:
    names = [f"toy_{angle:05.1f}.png" for angle in UNEVEN]
    cameras = _shoot(tmp_path / "tables" / "toy", UNEVEN, names)
    import_photos(tmp_path / "tables", tmp_path / "data", TurntableConfig(angles="names", **OPTIONS))
    _check(tmp_path, cameras)
    lines = [f"{name},{angle}" for name, angle in zip(names, UNEVEN, strict=True)]
    (tmp_path / "tables" / "toy" / "angles.csv").write_text("file,degrees\n" + "\n".join(lines))
    import_photos(tmp_path / "tables", tmp_path / "again", TurntableConfig(**OPTIONS))
    files = [tmp_path / place / "toy" / "transforms.json" for place in ("data", "again")]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_axis_need_not_be_in_the_middle(tmp_path: Path) -> None:
    cameras = _shoot(tmp_path / "tables" / "toy", EVEN, aside=9.0)
    import_photos(tmp_path / "tables", tmp_path / "data", TurntableConfig(**OPTIONS))
    _check(tmp_path, cameras)


@pytest.mark.parametrize(
    ("table", "line"),
    [
        ("0.png,0\n", r"angles\.csv: there is no line for 1\.png; expected lines of file,degrees"),
        ("0.png;0\n", r"angles\.csv: expected lines of file,degrees such as 000\.jpg,0"),
    ],
)
def test_a_table_that_lacks_something(tmp_path: Path, table: str, line: str) -> None:
    _shoot(tmp_path / "tables" / "toy", EVEN)
    (tmp_path / "tables" / "toy" / "angles.csv").write_text(table)
    with pytest.raises(InputError, match=line):
        import_photos(tmp_path / "tables", tmp_path / "data", TurntableConfig(**OPTIONS))


def _heic(folder: Path) -> None:
    folder.mkdir(parents=True)
    for view in range(VIEWS):
        (folder / f"IMG_{view:04d}.HEIC").write_bytes(b"ftypheic")


def test_an_object_of_pictures_that_are_not_read_is_named_beside_the_others(tmp_path: Path) -> None:
    _shoot(tmp_path / "tables" / "toy", EVEN)
    _heic(tmp_path / "tables" / "mug" / "images")
    skipped: list[str] = []
    import_photos(tmp_path / "tables", tmp_path / "data", TurntableConfig(**OPTIONS), Watching(on_skip=skipped.append))
    reason = "HEIC pictures are not read; make JPEG or PNG files of them"
    assert [line.partition("mug: ")[2] for line in skipped] == [
        f"0 picture(s) found ({reason}); a full turn needs at least two"
    ]


def test_a_folder_of_pictures_that_are_not_read_is_refused_with_the_reason(tmp_path: Path) -> None:
    _heic(tmp_path / "toy")
    with pytest.raises(InputError, match=r"toy: 0 picture\(s\) found \(HEIC pictures are not read"):
        import_photos(tmp_path / "toy", tmp_path / "data", TurntableConfig(**OPTIONS))
    (tmp_path / "nothing").mkdir()
    with pytest.raises(InputError, match="nothing: no pictures found"):
        import_photos(tmp_path / "nothing", tmp_path / "data", TurntableConfig(**OPTIONS))


def test_pictures_of_two_sizes_are_refused(tmp_path: Path) -> None:
    _shoot(tmp_path / "tables" / "toy", EVEN)
    save(tmp_path / "tables" / "toy" / "5.png", np.full((SIZE, SIZE + 8, 4), 255, np.uint8))
    with pytest.raises(InputError, match=r"5\.png: this picture is 104x96, 0\.png is 96x96; expected pictures of one"):
        import_photos(tmp_path / "tables", tmp_path / "data", TurntableConfig(**OPTIONS))
    with pytest.raises(InputError, match="no such folder"):
        import_photos(tmp_path / "nowhere", tmp_path / "data", TurntableConfig(**OPTIONS))
