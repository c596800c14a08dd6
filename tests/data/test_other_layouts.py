"""The layouts of other projects: their conventions against a picture with a dot, and what their parsers refuse."""

import gzip
import json
import math
import os
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from layout_scenes import (
    FAR_AWAY,
    FIELD_OF_VIEW,
    OMEGA,
    write_co3d,
    write_colmap,
    write_eg3d,
    write_gobjaverse,
    write_nmr,
    write_omniobject3d,
    write_openlrm,
    write_rgb_and_pose,
    write_zero123,
)
from PIL import Image
from posed_scenes import FOCAL, PIXEL, POINT, SIDE, open_at, picture_with_dot, save

from triptych.data import DatasetConfig, inspect_dataset
from triptych.data.formats import json_stream
from triptych.data.formats.distortion import (
    FieldOfViewLens,
    OpenCvLens,
    RadialTangentialThinPrismFisheye,
    ThinPrismFisheye,
)
from triptych.errors import InputError


def openlrm_with_a_matrix(root: Path) -> Path:
    return write_openlrm(root, [[FOCAL, 0, 16], [0, FOCAL, 16], [0, 0, 1]])


def co3d_version_1(root: Path) -> Path:
    return write_co3d(root, "ndc_norm_image_bounds")


def colmap_text(root: Path) -> Path:
    return write_colmap(root, "txt", "SIMPLE_PINHOLE")


WRITERS: dict[str, tuple[Callable[[Path], Path], dict[str, Any]]] = {
    "OmniObject3D": (write_omniobject3d, {}),
    "rgb and pose": (write_rgb_and_pose, {"field_of_view": FIELD_OF_VIEW}),
    "zero123": (write_zero123, {"field_of_view": FIELD_OF_VIEW}),
    "OpenLRM": (write_openlrm, {}),
    "OpenLRM, matrix": (openlrm_with_a_matrix, {}),
    "NMR": (write_nmr, {}),
    "G-Objaverse": (write_gobjaverse, {}),
    "EG3D": (write_eg3d, {}),
    "CO3D": (write_co3d, {}),
    "CO3D, version 1": (co3d_version_1, {}),
    "COLMAP": (write_colmap, {}),
    "COLMAP, text": (colmap_text, {}),
}


@pytest.mark.parametrize("layout", WRITERS)
def test_known_point_falls_on_the_dot(tmp_path: Path, layout: str) -> None:
    write, options = WRITERS[layout]
    dataset = open_at(write(tmp_path / "data"), **options)
    again = open_at(tmp_path / "data" / "apple" if "CO3D" in layout else tmp_path / "data", **options)
    assert torch.equal(again.cameras(0).c2w, dataset.cameras(0).c2w), "from the cache"
    for view, known in enumerate(_turned_points(3)):
        seen = dataset.cameras(0)[[view]].project(torch.tensor([known]))
        pixel, depth = seen.points, seen.depth
        shift = (dataset.width - SIDE) / 2
        assert pixel[0, 0].tolist() == pytest.approx((PIXEL[0] + shift, PIXEL[1]), abs=1e-3)
        assert depth.item() == pytest.approx(2.0, abs=1e-5)
        column, row = math.floor(pixel[0, 0, 0]), math.floor(pixel[0, 0, 1])
        assert dataset.images(0, [view])[0, row, column].tolist() == [255, 0, 0]


def test_gobjaverse_with_jpeg_pictures(tmp_path: Path) -> None:
    as_png = open_at(write_gobjaverse(tmp_path / "png"))
    for file in write_gobjaverse(tmp_path / "data").rglob("0*.png"):
        with Image.open(file) as picture:
            picture.convert("RGB").save(file.with_suffix(".jpg"), quality=95)
        file.unlink()
    dataset = open_at(tmp_path / "data")
    assert torch.equal(dataset.cameras(0).c2w, as_png.cameras(0).c2w)
    assert not dataset.has_alpha(0)


def _turned_points(views: int) -> list[list[float]]:
    """Where the dot of each view is in the world."""
    x, y, z = POINT
    turns = [2 * math.pi * view / views for view in range(views)]
    return [[x * math.cos(t) - y * math.sin(t), x * math.sin(t) + y * math.cos(t), z] for t in turns]


def test_zero123_has_the_field_of_view_of_its_script(tmp_path: Path) -> None:
    assert open_at(write_zero123(tmp_path / "data")).cameras(0).intrinsics[0].tolist() == [35, 35, 16, 16]


def test_a_field_of_view_is_needed_where_nothing_says_it_and_refused_where_something_does(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"intrinsics\.txt is missing; .*give the cameras' horizontal --field-of-view"):
        open_at(write_rgb_and_pose(tmp_path / "data"))
    with pytest.raises(InputError, match=r"field_of_view: the cameras of .* \(OpenLRM\) have focal lengths of their"):
        open_at(write_openlrm(tmp_path / "other"), field_of_view=50.0)


def test_colmap_points_that_cameras_look_at_make_the_box(tmp_path: Path) -> None:
    aabb = open_at(write_colmap(tmp_path / "data")).aabb
    for axis, half in enumerate((0.4, 0.3, 0.2)):
        assert -1.3 * half < aabb[0, axis] < -half
        assert half < aabb[1, axis] < 1.3 * half
    assert aabb.max() < min(FAR_AWAY)


def test_without_points_the_box_is_what_the_pictures_show_whole(tmp_path: Path) -> None:
    """From 2 away, a picture half as wide as its distance shows a ball of radius 2 sin(atan(1/2)) whole."""
    (write_colmap(tmp_path / "data") / "object" / "sparse" / "0" / "points3D.bin").unlink()
    radius = 2 / math.sqrt(5)
    for root in (tmp_path / "data", write_eg3d(tmp_path / "eg3d")):
        torch.testing.assert_close(open_at(root).aabb, torch.tensor([[-radius] * 3, [radius] * 3]))
    assert open_at(tmp_path / "data", half_extent=0.25).aabb[1].tolist() == [0.25] * 3


def test_colmap_distortion_is_undone(tmp_path: Path) -> None:
    """A lens that doubles the distance from the middle where half the way to the spot is: there the spot moves to."""
    x, y = (PIXEL[0] - 16) / FOCAL / 2, (PIXEL[1] - 16) / FOCAL / 2
    root = write_colmap(tmp_path / "data", "bin", "SIMPLE_RADIAL", [FOCAL, 16, 16, 1 / (x * x + y * y)])
    spot = np.full((SIDE, SIDE, 3), 255, np.uint8)
    spot[5:12, 17:24] = 0  # 7x7 pixels around the dot
    save(root / "object" / "images" / "frame 0.png", spot)
    row, column = np.argwhere(open_at(root).images(0, [0])[0][..., 1] < 128).mean(axis=0) + 0.5
    assert (column, row) == pytest.approx((16 + FOCAL * x, 16 + FOCAL * y), abs=1)


def test_masks_of_co3d_and_nmr_are_applied(tmp_path: Path) -> None:
    for number, write in enumerate((write_co3d, write_nmr)):
        root = write(tmp_path / str(number))
        for mask in root.rglob("mask*/*.png"):
            save(mask, np.zeros((32, 48) if write is write_co3d else (32, 32), np.uint8))
        dataset = open_at(root, background="black")
        assert dataset.opaque == ()
        assert dataset.images(0, [0]).max() == 0


def test_an_edited_description_is_read_again(tmp_path: Path) -> None:
    root = write_eg3d(tmp_path / "data")
    before = open_at(root).cameras(0).intrinsics[0, 0].item()
    file = root / "dataset.json"
    file.write_text(file.read_text().replace("[1.0, 0, 0.5", "[2.0, 0, 0.5").replace(", 1.0, 0, 0.5", ", 2.0, 0, 0.5"))
    assert open_at(root).cameras(0).intrinsics[0, 0].item() == 2 * before


def test_long_lists_are_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 7)
    values = [["a,]", [1, 2.5]], {"b": ']\\" é'}, -12345, [], "x"]
    file = tmp_path / "list.json"
    file.write_text(json.dumps({"other": [1], "labels": values, "rest": {}}, indent=1))
    assert list(json_stream.stream_entries(file, "labels")) == values
    (tmp_path / "list.jgz").write_bytes(gzip.compress(json.dumps(values).encode()))
    assert list(json_stream.stream_entries(tmp_path / "list.jgz")) == values
    monkeypatch.setattr(json_stream, "_LARGEST_TEXT", 20)
    with pytest.raises(InputError, match="expected at most 20 characters"):
        list(json_stream.stream_entries(file, "labels"))


def test_inspect_names_the_layout(tmp_path: Path) -> None:
    report = inspect_dataset(DatasetConfig(write_eg3d(tmp_path / "data"), test_views=1), tmp_path / "out")
    assert (report.layouts, report.problems) == ({"EG3D": 2}, ())


def _json(change: Callable[[Any], object]) -> Callable[[Path], None]:
    """Changes a JSON file, packed or not."""

    def edit(file: Path) -> None:
        packed = file.suffix == ".jgz"
        content = json.loads(gzip.decompress(file.read_bytes()) if packed else file.read_bytes())
        change(content)
        text = json.dumps(content).encode()
        file.write_bytes(gzip.compress(text) if packed else text)

    return edit


def _array(value: Any) -> Callable[[Path], None]:
    return lambda file: np.save(file, value)


def _bytes(value: bytes) -> Callable[[Path], None]:
    return lambda file: file.write_bytes(value) and None


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-40])


def _remove(file: Path) -> None:
    file.unlink()


def _archive(name: str, value: Any) -> Callable[[Path], None]:
    def edit(file: Path) -> None:
        with np.load(file) as old:
            arrays = {key: old[key] for key in old.files if key != name}
        np.savez(file, **(arrays if value is None else arrays | {name: value}))

    return edit


SPARSE = "object/sparse/0/"
VIEW = "object/campos_512_v4/00001/00001.json"
BAD: list[tuple[Callable[[Path], Path], str, Callable[[Path], None], str]] = [
    (write_zero123, "object/001.npy", _array(np.eye(3)), r"001\.npy: expected numbers of shape \[3, 4\] or \[4, 4\]"),
    (write_zero123, "object/001.npy", _array(np.full((3, 4), np.nan)), r"001\.npy: .*holds NaN or infinity"),
    (write_zero123, "object/001.npy", _array(2 * np.eye(4)[:3]), r"001\.npy: .*holds no rotation"),
    (write_zero123, "object/001.npy", _cut, r"001\.npy: this array is cut off"),
    (write_zero123, "object/001.npy", _bytes(b"\x93NUMPY"), r"001\.npy: expected an array \(\.npy\)"),
    (write_zero123, "object/001.npy", _bytes(bytes(100_000)), r"001\.npy: .*at most 65536 bytes"),
    (write_zero123, "object/001.npy", _remove, r"001\.png: no 001\.npy belongs to this picture"),
    (write_zero123, "object/001.png", _remove, r"001\.npy: no picture 001\.png belongs to this pose"),
    (write_openlrm, "object/intrinsics.npy", _array(np.zeros((3, 2))), r"intrinsics\.npy: expected width and height"),
    (write_openlrm, "object/intrinsics.npy", _array(np.eye(2)), r"intrinsics\.npy: expected numbers of shape \[3, 2\]"),
    (write_openlrm, "object/pose/002.npy", _array(np.zeros((3, 4))), r"002\.npy: .*holds no rotation"),
    (write_nmr, "object/cameras.npz", _bytes(b"PK"), r"cameras\.npz: expected an archive of arrays"),
    (write_nmr, "object/cameras.npz", _archive("world_mat_1", None), r"cameras\.npz, world_mat_1: .*is missing"),
    (write_nmr, "object/cameras.npz", _archive("camera_mat_1", np.zeros((4, 4))), r"camera_mat_1: .*skew"),
    (write_nmr, "object/cameras.npz", _archive("world_mat_1", np.array({})), r"world_mat_1: expected numbers of shape"),
    (write_gobjaverse, VIEW, _json(lambda c: c.pop("x_fov")), r"00001\.json, x_fov: expected a number"),
    (write_gobjaverse, VIEW, _json(lambda c: c.update(x_fov=4)), r"x_fov: expected radians between 0 and pi, found 4"),
    (write_gobjaverse, VIEW, _json(lambda c: c.update(y=c["x"])), r"00001\.json, x, y, z, origin: .*no rotation"),
    (write_gobjaverse, VIEW, _json(lambda c: c.update(origin=[1, 2])), r"origin: expected three numbers"),
    (write_gobjaverse, VIEW, _bytes(b"[]"), r"00001\.json: expected a JSON object"),
    (write_eg3d, "dataset.json", _json(lambda c: c["labels"][1].__setitem__(1, [1.0])), r"expected 25 numbers"),
    (write_eg3d, "dataset.json", _json(lambda c: c["labels"][1].__setitem__(0, "car_a/x.png")), "picture is missing"),
    (write_eg3d, "dataset.json", _json(lambda c: c["labels"].insert(1, 7)), r"labels\[1\]: expected the path of"),
    (write_eg3d, "dataset.json", _json(lambda c: c.update(labels=c["labels"][:3])), "no picture in the folder 'car_b'"),
    (write_eg3d, "dataset.json", _cut, r"dataset\.json, labels: expected JSON to the end of the list"),
    (write_co3d, "frame_annotations.jgz", _cut, r"frame_annotations\.jgz: expected JSON packed with gzip"),
    (write_co3d, "frame_annotations.jgz", _bytes(b"[]"), r"frame_annotations\.jgz: expected JSON packed with gzip"),
    (write_co3d, "frame_annotations.jgz", _json(lambda c: c.insert(0, {})), r"\[0\]: .*with its sequence_name"),
    (
        write_co3d,
        "frame_annotations.jgz",
        _json(lambda c: c[1]["viewpoint"].update(T=[0, 0])),
        r"frame 1, viewpoint, T: expected 3 numbers",
    ),
    (
        write_co3d,
        "frame_annotations.jgz",
        _json(lambda c: c[1]["viewpoint"].update(intrinsics_format="pixels")),
        r"frame 1, viewpoint, intrinsics_format: expected ndc_norm_image_bounds or ndc_isotropic, found 'pixels'",
    ),
    (
        write_co3d,
        "frame_annotations.jgz",
        _json(lambda c: c[1]["image"].update(path="../../etc/passwd")),
        r"frame 1, image, path: expected a path in the sequence 110_13051_23361",
    ),
    (write_colmap, f"{SPARSE}images.bin", _cut, r"images\.bin: this file is cut off or damaged"),
    (write_colmap, f"{SPARSE}images.bin", _bytes(struct.pack("<Q", 10**9)), r"images\.bin: 1000000000 entries"),
    (
        write_colmap,
        f"{SPARSE}cameras.bin",
        _bytes(struct.pack("<QIiQQ", 1, 7, 99, 2, 2)),
        r"camera 7: the camera model 99 is not read, .*undistort",
    ),
    (write_colmap, f"{SPARSE}cameras.bin", _remove, r"sparse/0: cameras\.bin or cameras\.txt is missing"),
    (colmap_text, f"{SPARSE}cameras.txt", _bytes(b"7 PINHOLE 32 32 1"), r"line 1: expected 4 parameters of PINHOLE"),
    (colmap_text, f"{SPARSE}cameras.txt", _bytes(b"8 PINHOLE 32 32 32 32 16 16"), "there is no camera 7"),
    (
        colmap_text,
        f"{SPARSE}images.txt",
        _bytes(b"1 1 1 0 0 0 0 2 7 a.png\n\n"),
        r"images/a\.png: this picture is missing",
    ),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_bad_files_are_named_in_one_line(tmp_path: Path, number: int) -> None:
    write, name, damage, expected = BAD[number]
    root = write(tmp_path / "data")
    damage(root / name)
    with pytest.raises(InputError, match=expected) as caught:
        open_at(root)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_other_lenses_are_refused_by_name(tmp_path: Path) -> None:
    root = write_colmap(tmp_path / "data", "txt")
    cameras = root / "object" / "sparse" / "0" / "cameras.txt"
    cameras.write_text(cameras.read_text().replace("PINHOLE", "EUCM"))
    with pytest.raises(InputError, match=r"line 2: the camera model 'EUCM' is not read, .*undistort"):
        open_at(root)


@pytest.mark.parametrize(
    "model", ["OPENCV_FISHEYE", "RADIAL_FISHEYE", "THIN_PRISM_FISHEYE", "RAD_TAN_THIN_PRISM_FISHEYE"]
)
def test_a_fisheye_is_undone(tmp_path: Path, model: str) -> None:
    """An equidistant fisheye shows things as far from the middle as their angle: they move to its tangent."""
    root = write_colmap(tmp_path / "data", "bin", model)
    spot = np.full((SIDE, SIDE, 3), 255, np.uint8)
    spot[2:5, 15:18] = 0  # 12.5 pixels above the middle
    save(root / "object" / "images" / "frame 0.png", spot)
    row, column = np.argwhere(open_at(root).images(0, [0])[0][..., 1] < 128).mean(axis=0) + 0.5
    assert (column, row) == pytest.approx((16.5, 16 - FOCAL * math.tan(12.5 / FOCAL)), abs=0.6)


def test_a_fisheye_without_opencv_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(InputError, match=r'camera 7: fisheye lenses need OpenCV; pip install "triptych\[photos\]"'):
        open_at(write_colmap(tmp_path / "data", "bin", "OPENCV_FISHEYE"))


def test_a_lens_of_a_field_of_view_is_undone(tmp_path: Path) -> None:
    root = write_colmap(tmp_path / "data", "bin", "FOV")
    spot = np.full((SIDE, SIDE, 3), 255, np.uint8)
    spot[2:5, 15:18] = 0  # 12.5 pixels above the middle
    save(root / "object" / "images" / "frame 0.png", spot)
    row, column = np.argwhere(open_at(root).images(0, [0])[0][..., 1] < 128).mean(axis=0) + 0.5
    away = FOCAL * math.tan(12.5 / FOCAL * OMEGA) / (2 * math.tan(OMEGA / 2))
    assert (column, row) == pytest.approx((16.5, 16 - away), abs=0.6)


def test_lenses_of_colmap_are_what_their_formulas_say() -> None:
    x, y = 0.4, -0.3
    assert FieldOfViewLens(1.0).apply(np.array([[x, y], [0, 0]])) == pytest.approx(
        np.array([[0.8, -0.6], [0, 0]]) * math.atan(math.tan(0.5)), abs=1e-12
    )
    k1, k2, p1, p2, k3, k4, sx1, sy1 = numbers = (0.1, 0.02, 0.001, -0.002, 0.03, 0.2, 0.04, -0.01)
    angle = math.atan(0.5)
    u, v, r2 = 0.8 * angle, -0.6 * angle, angle**2
    radial = 1 + k1 * r2 + k2 * r2**2 + k3 * r2**3 + k4 * r2**4
    expected = (
        u * radial + 2 * p1 * u * v + p2 * (r2 + 2 * u * u) + sx1 * r2,
        v * radial + p1 * (r2 + 2 * v * v) + 2 * p2 * u * v + sy1 * r2,
    )
    lens = ThinPrismFisheye(*numbers)
    assert lens.apply(np.array([x, y])) == pytest.approx(expected, abs=1e-12)
    assert (lens.apply(np.zeros(2)) == 0).all()
    k, (p0, p1), (s0, s1, s2, s3) = (0.1, 0.02, -0.03, 0.04, 0.05, -0.06), (0.001, -0.002), (0.04, -0.01, 0.02, 0.03)
    shown = angle * (1 + sum(number * angle ** (2 * power) for power, number in enumerate(k, start=1)))
    u, v, r2 = 0.8 * shown, -0.6 * shown, shown**2
    expected = (
        u + p0 * (r2 + 2 * u * u) + 2 * p1 * u * v + s0 * r2 + s1 * r2**2,
        v + p1 * (r2 + 2 * v * v) + 2 * p0 * u * v + s2 * r2 + s3 * r2**2,
    )
    aria = RadialTangentialThinPrismFisheye(k, (p0, p1), (s0, s1, s2, s3))
    assert aria.apply(np.array([[x, y], [0, 0]])) == pytest.approx(np.array([expected, (0, 0)]), abs=1e-12)
    with pytest.raises(InputError, match="cameras: expected an omega between 0 and pi, found 4"):
        FieldOfViewLens(4.0).check(np.array([32.0, 32, 16, 16]), 32, 32, "cameras")
    with pytest.raises(InputError, match="cameras: the coefficients -5, 0, 0, 0, 0, 0, 0, 0 fold the picture"):
        ThinPrismFisheye(-5.0).check(np.array([32.0, 32, 16, 16]), 32, 32, "cameras")
    with pytest.raises(InputError, match="cameras: the coefficients -5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 fold"):
        RadialTangentialThinPrismFisheye((-5.0, *5 * [0.0])).check(np.array([32.0, 32, 16, 16]), 32, 32, "cameras")


def test_lenses_of_opencv_are_what_their_formulas_say() -> None:
    x, y = 0.4, -0.3
    r2 = x * x + y * y
    angle = math.atan(math.sqrt(r2))
    k = (0.1, -0.02, 0.01, 0.003)
    bent = angle * (1 + sum(number * angle ** (2 * power) for power, number in enumerate(k, start=1))) / math.sqrt(r2)
    assert OpenCvLens("fisheye", k).apply(np.array([x, y])) == pytest.approx((x * bent, y * bent), abs=1e-12)
    k1, k2, p1, p2, k3, k4, k5, k6 = numbers = (0.1, 0.02, 0.001, -0.002, 0.03, 0.2, 0.04, 0.01)
    radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    expected = (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
        y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
    )
    assert OpenCvLens("rational", numbers).apply(np.array([x, y])) == pytest.approx(expected, abs=1e-12)
    with pytest.raises(InputError, match="cameras: the coefficients -2, 0, 0, 0 fold the picture over itself"):
        OpenCvLens("fisheye", (-2.0, 0.0, 0.0, 0.0)).check(np.array([32.0, 32, 16, 16]), 32, 32, "cameras")


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (write_zero123, "object/001.npy"),
        (write_openlrm, "object/intrinsics.npy"),
        (write_nmr, "object/cameras.npz"),
        (write_gobjaverse, VIEW),
        (write_eg3d, "dataset.json"),
        (write_co3d, "frame_annotations.jgz"),
        (write_colmap, f"{SPARSE}images.bin"),
        (write_colmap, "object/images/frame 1.png"),
    ],
)
def test_links_out_of_the_dataset_are_refused(tmp_path: Path, write: Callable[[Path], Path], name: str) -> None:
    root = write(tmp_path / "data")
    outside = tmp_path / "outside"
    (root / name).rename(outside)
    (root / name).symlink_to(outside)
    with pytest.raises(InputError, match="out of the dataset's folder"):
        open_at(root)
    assert len(open_at(root, follow_links=True)) >= 1


@pytest.mark.parametrize(
    ("write", "name"),
    [(write_zero123, "object/001.npy"), (write_colmap, f"{SPARSE}points3D.bin"), (write_nmr, "object/image/0001.png")],
)
def test_pipes_are_refused_without_waiting(tmp_path: Path, write: Callable[[Path], Path], name: str) -> None:
    root = write(tmp_path / "data")
    (root / name).unlink()
    os.mkfifo(root / name)
    if name.endswith("points3D.bin"):
        assert len(open_at(root)) == 1
    else:
        with pytest.raises(InputError, match=r"no file|regular file"):
            open_at(root)


def test_blanks_in_names_of_colmap_images_stay(tmp_path: Path) -> None:
    root = colmap_text(tmp_path / "data")
    text = root / "object" / "sparse" / "0" / "images.txt"
    text.write_text(text.read_text().replace("frame 0.png", "frame  é 0.png"))
    images = root / "object" / "images"
    (images / "frame 0.png").rename(images / "frame  é 0.png")
    assert len(open_at(root).cameras(0)) == 3


def test_colmap_images_without_lines_of_observations_are_all_read(tmp_path: Path) -> None:
    root = colmap_text(tmp_path / "data")
    text = root / "object" / "sparse" / "0" / "images.txt"
    before = open_at(root).cameras(0).c2w
    lines = [line for line in text.read_text().splitlines(keepends=True) if "frame" in line]
    text.write_text("".join(lines))
    assert open_at(root).cameras(0).c2w.equal(before)
    text.write_text(lines[0] + "\n" + "".join(lines[1:]))  # an empty one, and none
    assert open_at(root).cameras(0).c2w.equal(before)


def test_names_of_colmap_images_stay_inside(tmp_path: Path) -> None:
    root = write_colmap(tmp_path / "data")
    save(tmp_path / "data" / "secret.png", picture_with_dot())
    images = root / SPARSE / "images.bin"
    images.write_bytes(images.read_bytes().replace(b"frame 1.png", b"../../s.png"))
    with pytest.raises(InputError, match=r"leaves the folder .*object; keep pictures inside it"):
        open_at(root)
