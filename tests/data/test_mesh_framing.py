"""Size, frame and orientation of the drawn meshes, and what is said about them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from gltf_files import GltfFile, box
from PIL import Image

from triptych.data import DatasetConfig, open_dataset, write_contact_sheet
from triptych.data.generators.meshes import RenderConfig, render_meshes
from triptych.data.generators.meshes.standing import choose_turns
from triptych.errors import InputError

CONFIG = RenderConfig(resolution=48, views=24, samples_per_axis=1)


def make(source: Path, out: Path, config: RenderConfig = CONFIG) -> tuple[dict, list[str]]:
    """The dataset's record, and what was said."""
    lines: list[str] = []
    render_meshes(
        source, out, config, lambda *_: None, lambda path, why: lines.append(f"{path.name} {why}"), lines.append
    )
    return json.loads((out / "dataset.json").read_text()), lines


def write_box(path: Path, sides: tuple[float, float, float]) -> None:
    file = GltfFile()
    file.place(file.primitive(*box(sides)))
    file.save(path)


def edge_views(scene: Path) -> int:
    pictures = [np.asarray(Image.open(file))[..., 3] for file in sorted((scene / "rgba").iterdir())]
    return sum(bool(alpha[[0, -1]].any() or alpha[:, [0, -1]].any()) for alpha in pictures)


SHAPES = {"cube": (1, 1, 1), "plate": (3, 0.01, 3), "tower": (0.3, 4, 0.3), "wall": (4, 4, 0.02), "rod": (5, 0.1, 0.1)}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_whole_object_stands_in_every_view(tmp_path: Path, shape: str) -> None:
    write_box(tmp_path / "in" / "m.glb", SHAPES[shape])
    record, lines = make(tmp_path / "in", tmp_path / "out")
    assert edge_views(tmp_path / "out" / "m") == 0
    assert not any("edge" in line for line in lines)
    assert "cut_views" not in record["made_by"]["meshes"]["m"]


def test_long_things_keep_a_longest_side_of_one_and_others_fill_their_pictures(tmp_path: Path) -> None:
    write_box(tmp_path / "in" / "car.glb", (0.3, 0.25, 1.0))
    record, _ = make(tmp_path / "in", tmp_path / "car")
    assert record["aabb"][1][0] == pytest.approx(0.5 * 1.04, abs=1e-4)
    write_box(tmp_path / "in" / "car.glb", (1, 1, 1))
    record, _ = make(tmp_path / "in", tmp_path / "cube")
    assert record["aabb"][1][0] == pytest.approx(0.318 * 1.04, abs=2e-3)


def test_without_fit_a_cut_object_is_named(tmp_path: Path) -> None:
    write_box(tmp_path / "in" / "cube.glb", (1, 1, 1))
    write_box(tmp_path / "in" / "rod.glb", (1, 0.1, 0.1))
    config = replace(CONFIG, fit=False)
    record, lines = make(tmp_path / "in", tmp_path / "out", config)
    assert record["made_by"]["meshes"]["cube"]["cut_views"] == edge_views(tmp_path / "out" / "cube") > 20
    assert "cut_views" not in record["made_by"]["meshes"]["rod"]
    (line,) = [line for line in lines if "edge" in line]
    assert line.endswith(": cube.glb")
    # Drawn by an earlier run, it is named all the same.
    assert make(tmp_path / "in", tmp_path / "out", config)[1] == lines


def test_distance_and_focal_length_are_those_asked_for(tmp_path: Path) -> None:
    write_box(tmp_path / "in" / "m.glb", (1, 1, 1))
    make(tmp_path / "in", tmp_path / "out", replace(CONFIG, distance=4.0, focal=3.0, views=4))
    transforms = json.loads((tmp_path / "out" / "m" / "transforms.json").read_text())
    assert transforms["fl_x"] == pytest.approx(3 * 48)
    for frame in transforms["frames"]:
        assert np.linalg.norm(np.array(frame["transform_matrix"])[:3, 3]) == pytest.approx(4.0, abs=1e-5)
    assert edge_views(tmp_path / "out" / "m") == 0


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [("distance", 0.0, "distance"), ("focal", float("nan"), "focal")],
)
def test_impossible_cameras_are_refused(field: str, value: object, said: str) -> None:
    with pytest.raises(InputError, match=said):
        replace(CONFIG, **{field: value})
    with pytest.raises(InputError, match="inside the meshes"):
        replace(CONFIG, fit=False, distance=0.9)


# --- orientation


def test_a_set_is_turned_as_a_whole() -> None:
    chairs = [(0.5, 0.55)] * 30 + [(0.5, 0.45)] * 13
    assert choose_turns(chairs, "auto").turns == "none"
    assert choose_turns([*chairs, *[(2.0, 0.8)] * 5, *[(0.6, 1.5)] * 2], "auto").turns == "none"
    assert choose_turns([*chairs, *[(2.0, 0.8)] * 2, *[(0.6, 1.5)] * 5], "auto").turns == "all"
    cars_along_y, cars_along_x = [(0.4, 1.0)] * 20, [(1.0, 0.4)] * 20
    assert choose_turns(cars_along_y, "auto").turns == "all"
    assert choose_turns(cars_along_x, "auto").turns == "none"
    assert choose_turns(cars_along_x + cars_along_y[:5], "auto").turns == "each"
    assert choose_turns(cars_along_y, "keep").turns == "none"
    assert choose_turns(chairs, "long-axis").turns == "each"


def sides(out: Path) -> dict[str, bool]:
    """Whether each scene is longer along x, as seen in its pictures from the widest and the narrowest side."""
    longer = {}
    for scene in sorted(path.parent for path in out.glob("*/transforms.json")):
        frames = json.loads((scene / "transforms.json").read_text())["frames"]
        eyes = np.array([frame["transform_matrix"] for frame in frames])[:, :3, 3]
        widths = [(np.asarray(Image.open(scene / frame["file_path"]))[..., 3].any(axis=0)).sum() for frame in frames]
        longer[scene.name] = widths[np.abs(eyes[:, 1]).argmax()] > widths[np.abs(eyes[:, 0]).argmax()]
    return longer


def test_turned_meshes_lie_along_x_in_the_pictures_and_the_decision_is_told(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        write_box(tmp_path / "in" / f"{name}.glb", (0.4, 0.3, 1.0))
    record, lines = make(tmp_path / "in", tmp_path / "out")
    assert set(sides(tmp_path / "out").values()) == {True}
    assert record["made_by"]["turns"] == "all"
    assert any("of 3 meshes, 0 are clearly longer along x and 3 along y: all are turned" in line for line in lines)
    make(tmp_path / "in", tmp_path / "kept", replace(CONFIG, orient="keep"))
    assert set(sides(tmp_path / "kept").values()) == {False}
    # Two more that lie the other way would change the decision; what is drawn stays.
    for name in ("d", "e", "f", "g"):
        write_box(tmp_path / "in" / f"{name}.glb", (1.0, 0.3, 0.4))
    record, lines = make(tmp_path / "in", tmp_path / "out")
    assert record["made_by"]["turns"] == "all"
    assert any("as decided when this dataset was begun" in line for line in lines)
    record, _ = make(tmp_path / "in", tmp_path / "anew")
    assert record["made_by"]["turns"] == "each"
    assert set(sides(tmp_path / "anew").values()) == {True}


def test_real_sets_keep_or_get_their_orientation(shared_data: Path) -> None:
    from triptych.data.generators.meshes.folder import MeshFolder
    from triptych.data.generators.meshes.loading import load_mesh
    from triptych.data.generators.meshes.standing import horizontal_sides, set_upright

    def turns(root: Path, every: int) -> str:
        folder = MeshFolder(root)
        paths = [path for path in folder.meshes()[0] if path.stat().st_size < 1_000_000][::every]
        return choose_turns(
            [horizontal_sides(set_upright(load_mesh(path, folder), "y")) for path in paths], "auto"
        ).turns

    assert turns(shared_data / "meshes", 8) == "all"
    assert turns(shared_data / "seating", 6) == "none"


def test_the_contact_sheet_shows_all_scenes_from_one_side_with_their_axes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_box(tmp_path / "in" / f"{name}.glb", (1.0, 0.2, 0.4))
    make(tmp_path / "in", tmp_path / "out", replace(CONFIG, views=40))
    dataset = open_dataset(DatasetConfig(tmp_path / "out", test_views=4, cache=tmp_path / "cache"))
    write_contact_sheet(dataset, tmp_path / "sheet.png")
    sheet = np.asarray(Image.open(tmp_path / "sheet.png")).astype(int)
    gray = np.abs(sheet - sheet.mean(axis=-1, keepdims=True)).max(axis=-1) < 3
    red = (sheet[..., 0] > 180) & (sheet[..., 1:].max(axis=-1) < 90)
    left, right = slice(8, 136), slice(144, 272)
    for tile in (left, right):
        assert red[:136, tile].sum() > 8
        # From the front right, x runs to the right and toward the viewer: the box falls to the right.
        rows, columns = np.nonzero(gray[8:136, tile] & (sheet[8:136, tile].mean(axis=-1) < 230))
        assert np.corrcoef(rows, columns)[0, 1] > 0.2


# --- what is said


def test_every_mesh_is_accounted_for(tmp_path: Path) -> None:
    source = tmp_path / "in"
    write_box(source / "whole.glb", (1, 1, 2))
    file = GltfFile()
    normal = {"normalTexture": {"index": file.texture(np.full((2, 2, 3), 128, np.uint8))}}
    file.place(file.primitive(*box((1, 1, 3)), material=file.material(**normal)))
    file.save(source / "bumpy.glb")
    (source / "bad.glb").write_bytes(b"glTF\2\0\0\0")
    record, lines = make(source, tmp_path / "out")
    assert record["made_by"]["meshes"] == {
        "bumpy": {"file": "bumpy.glb", "drawn": "without", "without": ["normal map"]},
        "whole": {"file": "whole.glb", "drawn": "whole"},
    }
    assert record["made_by"]["skipped"] == [{"file": "bad.glb", "reason": "is cut off"}]
    assert "bad.glb is cut off" in lines
    assert "drawn without normal map: bumpy.glb" in lines
    assert lines[-1].startswith("meshes: 1 drawn whole, 1 drawn without something, 1 skipped")


def test_rays_go_on_behind_see_through_surfaces_however_far_the_camera_is(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "m.mtl").write_text("newmtl glass\nKd 1 0 0\nd 0.25\n")
    quad = "v -1 0 1\nv 1 0 1\nv 1 0 -1\nv -1 0 -1\n"
    (tmp_path / "in" / "m.obj").write_text(f"mtllib m.mtl\n{quad}usemtl glass\nf 1 2 3 4\n")
    config = replace(CONFIG, distance=200.0, focal=150.0, views=4)
    make(tmp_path / "in", tmp_path / "out", config)
    files = (tmp_path / "out" / "m" / "rgba").iterdir()
    alpha = np.stack([np.asarray(Image.open(file))[..., 3] for file in files])
    assert (alpha[alpha > 0] == 64).mean() > 0.9


def test_meshes_as_trimesh_writes_them_keep_their_display_colors(tmp_path: Path) -> None:
    from drawing import quadrants

    square = trimesh.Trimesh([[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]], [[0, 1, 2], [0, 2, 3]], process=False)
    square.visual = trimesh.visual.ColorVisuals(square, vertex_colors=np.tile([51, 102, 204, 255], (4, 1)))
    square.export(tmp_path / "square.glb")
    np.testing.assert_allclose(quadrants(tmp_path / "square.glb")[:, :3], np.tile([0.2, 0.4, 0.8], (4, 1)), atol=0.012)


def test_the_command_says_what_became_of_the_meshes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from triptych.cli import main

    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    write_box(tmp_path / "in" / "whole.glb", (1, 1, 2))
    (tmp_path / "in" / "bad.glb").write_bytes(b"no mesh")
    main(["data", "render", str(tmp_path / "in"), str(tmp_path / "out"), "--resolution", "16", "--views", "5"])
    said = capsys.readouterr()
    assert "bad.glb: is not a glb file" in said.err
    assert "meshes: 1 drawn whole, 0 drawn without something, 1 skipped" in said.err
    assert "rendered 1 meshes" in said.out
    assert (tmp_path / "out" / "contact_sheet.png").is_file()
