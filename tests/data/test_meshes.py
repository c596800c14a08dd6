"""A folder of meshes becomes a posed dataset: reading, colors, drawing, splitting, resuming."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import trimesh
from drawing import UP, draw, read
from PIL import Image
from trimesh.exchange.gltf import export_gltf
from trimesh.visual.color import ColorVisuals
from trimesh.visual.material import PBRMaterial
from trimesh.visual.texture import TextureVisuals

from triptych.data.generators.meshes import RenderConfig, render_meshes
from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.grouping import Fingerprint, fingerprint, group_copies, split_groups
from triptych.data.generators.meshes.light import light
from triptych.data.generators.meshes.loading import load_mesh
from triptych.data.generators.meshes.mesh import Mesh, Surface
from triptych.data.generators.meshes.names import scene_names
from triptych.data.generators.meshes.problems import UnreadableMeshError
from triptych.data.generators.meshes.standing import resize, set_upright, turn
from triptych.data.generators.meshes.textures import Texture
from triptych.data.generators.meshes.tracing import Tracer
from triptych.errors import InputError
from triptych.geometry import hemisphere_cameras, intersect_aabb, look_at

CONFIG = RenderConfig(resolution=16, views=3, fit=False)
QUAD = """v -1 {y} 1\nv 1 {y} 1\nv 1 {y} -1\nv -1 {y} -1
vt 0 0\nvt 1 0\nvt 1 1\nvt 0 1\n"""
BOX = trimesh.creation.box((1.0, 2.0, 4.0))


def write_quad(folder: Path, material: str, name: str = "quad") -> Path:
    """A horizontal square, seen from above with u to the right (x) and v upwards (-z)."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.mtl").write_text(f"newmtl paint\n{material}\n")
    path = folder / f"{name}.obj"
    path.write_text(f"mtllib {name}.mtl\n{QUAD.format(y=0)}usemtl paint\nf 1/1 2/2 3/3\nf 1/1 3/3 4/4\n")
    return path


def write_box(path: Path, *, color: tuple[int, int, int] = (200, 40, 40), scale: float = 1.0) -> Path:
    box = BOX.copy()
    box.apply_scale(scale)
    box.visual = ColorVisuals(box, vertex_colors=np.tile([*color, 255], (len(box.vertices), 1)))
    path.parent.mkdir(parents=True, exist_ok=True)
    box.export(path)
    return path


def load(path: Path) -> Mesh:
    return load_mesh(path, MeshFolder(path.parent))


def flat_color(path: Path) -> np.ndarray:
    """RGBA in the middle of a horizontal square, before lighting."""
    middle = draw(read(path))[6, 9] / 255
    return np.append(middle[:3] / UP, middle[3])


# --- standing upright


def test_upright_mesh_is_centered_and_scaled_and_its_roof_is_up(tmp_path: Path) -> None:
    mesh = trimesh.Trimesh(BOX.vertices + np.array([5.0, 7.0, -3.0]), BOX.faces)
    mesh.export(tmp_path / "box.obj")
    raw = load(tmp_path / "box.obj")
    roof = raw.vertices[:, 1] > 7.0
    upright = read(tmp_path / "box.obj")
    np.testing.assert_allclose(upright.bounds(), [[-0.125, -0.5, -0.25], [0.125, 0.5, 0.25]], atol=1e-7)
    assert (upright.vertices[roof, 2] > 0).all()


def test_long_axis_is_turned_to_x_and_the_front_of_gltf_with_it(tmp_path: Path) -> None:
    BOX.export(tmp_path / "box.obj")
    raw = load(tmp_path / "box.obj")
    turned = turn(resize(set_upright(raw, "y"), 2.0), "each")
    np.testing.assert_allclose(turned.bounds()[1], [1.0, 0.25, 0.5], atol=1e-7)
    assert (turned.vertices[raw.vertices[:, 2] > 0, 0] > 0).all()
    # A rotation, not a mirroring: front, left and up stay right-handed.
    left = turned.vertices[raw.vertices[:, 0] > 0]
    assert (left[:, 1] > 0).all()


def test_z_up_meshes_keep_their_axes(tmp_path: Path) -> None:
    BOX.export(tmp_path / "box.obj")
    raw = load(tmp_path / "box.obj")
    mesh = resize(set_upright(raw, "z"), 4.0)
    np.testing.assert_allclose(mesh.vertices, raw.vertices, atol=1e-6)


def test_placed_parts_of_a_scene_are_joined_where_they_stand(tmp_path: Path) -> None:
    scene = trimesh.Scene()
    scene.add_geometry(BOX, geom_name="box")
    scene.add_geometry(BOX, geom_name="box", transform=trimesh.transformations.translation_matrix([10, 0, 0]))
    scene.export(tmp_path / "two.glb")
    mesh = load(tmp_path / "two.glb")
    assert len(mesh.faces) == 24
    np.testing.assert_allclose(mesh.bounds(), [[-0.5, -1, -2], [10.5, 1, 2]], atol=1e-6)


# --- drawing


def test_silhouette_is_that_of_the_box_ray_by_ray(tmp_path: Path) -> None:
    mesh = read(write_box(tmp_path / "box.obj"))
    cameras = hemisphere_cameras(3, 16, seed=1)
    alpha = Tracer(mesh).render(cameras, samples_per_axis=2)[..., 3]
    near, far = intersect_aabb(cameras.resized(32, 32).rays(), torch.from_numpy(mesh.bounds()).float())
    expected = (far > near).float().reshape(3, 16, 2, 16, 2).mean(dim=(2, 4)).numpy()
    assert np.abs(alpha / 255 - expected).max() < 0.003
    assert 0 < np.mean((alpha > 0) & (alpha < 255)) < 0.5


def test_background_is_white_and_empty(tmp_path: Path) -> None:
    picture = Tracer(read(write_box(tmp_path / "box.obj"))).render(hemisphere_cameras(2, 16, seed=0), 2)
    assert (picture[picture[..., 3] == 0] == [255, 255, 255, 0]).all()


def test_winding_and_sign_of_normals_do_not_change_the_picture(tmp_path: Path) -> None:
    mesh = read(write_box(tmp_path / "box.obj"))
    cameras = hemisphere_cameras(4, 32, seed=3)
    expected = Tracer(mesh).render(cameras, 2)
    inside_out = replace(mesh, faces=mesh.faces[:, ::-1].copy(), normals=-mesh.normals)
    assert np.abs(Tracer(inside_out).render(cameras, 2).astype(int) - expected).max() <= 1


def test_a_point_has_one_color_in_all_views() -> None:
    sphere = trimesh.creation.icosphere(4, radius=0.4)
    count = len(sphere.vertices)
    mesh = Mesh(
        np.asarray(sphere.vertices),
        np.asarray(sphere.faces),
        np.asarray(sphere.vertex_normals, np.float32),
        np.ones((count, 4), np.float32),
        np.zeros((count, 2), np.float32),
        np.zeros((count, 2), np.float32),
        np.zeros(len(sphere.faces), np.int64),
        (Surface(),),
    )
    normals = torch.nn.functional.normalize(torch.tensor([[0.3, 0.2, 0.9], [0.5, -0.6, 0.6]]), dim=-1)
    tracer = Tracer(mesh)
    for normal in normals:
        target = 0.4 * normal
        eyes = target + torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.3, 0.9], [0.2, -0.6, 0.8]])
        directions = look_at(eyes, target)[:, :, 2]
        rgba = tracer.trace(eyes.numpy(), directions.numpy(), 1e-3)
        np.testing.assert_allclose(rgba[:, 0], light(normal[None].numpy()).item(), atol=2e-3)


def test_light_is_brightest_from_above_and_never_overflows() -> None:
    normals = np.random.default_rng(0).normal(size=(1000, 3))
    brightness = light(normals / np.linalg.norm(normals, axis=1, keepdims=True))
    assert 0.3 < brightness.min() < brightness.max() <= 1.0
    assert light(np.array([[0.0, 0.0, -1.0]])).item() < light(np.array([[1.0, 0.0, 0.0]])).item() < UP


def test_glass_shows_what_is_behind_and_is_half_there_alone(tmp_path: Path) -> None:
    (tmp_path / "two.mtl").write_text("newmtl glass\nKd 1 0 0\nd 0.25\nnewmtl floor\nKd 0 0 1\n")
    # The glass lies above the whole square, the floor below its left half only.
    floor = "v -1 -.1 1\nv 0 -.1 1\nv 0 -.1 -1\nv -1 -.1 -1\n"
    (tmp_path / "two.obj").write_text(
        f"mtllib two.mtl\n{QUAD.format(y=0)}{floor}usemtl glass\nf 1 2 3 4\nusemtl floor\nf 5 6 7 8\n"
    )
    picture = draw(read(tmp_path / "two.obj"))
    np.testing.assert_allclose(picture[8, 4], np.round([63.75 * UP, 0, 191.25 * UP, 255]), atol=1)
    np.testing.assert_allclose(picture[8, 12], np.round([255 * UP, 0, 0, 63.75]), atol=1)


# --- colors

CORNERS = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [255, 255, 0]]], np.uint8)


def textured_square(folder: Path, kind: str) -> Path:
    picture = Image.fromarray(CORNERS.repeat(8, axis=0).repeat(8, axis=1))
    if kind == "obj":
        path = write_quad(folder, "Kd 1 1 1\nmap_Kd corners.png")
        picture.save(folder / "corners.png")
        return path
    vertices = [[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]]
    visual = TextureVisuals(
        uv=np.array([[0, 0], [1, 0], [1, 1], [0, 1]]), material=PBRMaterial(baseColorTexture=picture)
    )
    square = trimesh.Trimesh(vertices, [[0, 1, 2], [0, 2, 3]], visual=visual, process=False)
    folder.mkdir(exist_ok=True)
    if kind == "glb":
        square.export(folder / "square.glb")
    else:
        for name, data in export_gltf(trimesh.Scene(square)).items():
            (folder / name.replace("model", "square")).write_bytes(data)
    return folder / f"square.{kind}"


@pytest.mark.parametrize("kind", ["obj", "glb", "gltf"])
def test_the_upper_edge_of_a_texture_is_at_v_1_in_every_format(tmp_path: Path, kind: str) -> None:
    picture = draw(read(textured_square(tmp_path, kind)))
    for row, column in ((0, 0), (0, 1), (1, 0), (1, 1)):
        seen = picture[4 + 8 * row, 4 + 8 * column, :3]
        np.testing.assert_allclose(seen, CORNERS[row, column] * UP, atol=1)


def test_texture_lookup_is_bilinear_and_repeats() -> None:
    rng = np.random.default_rng(0)
    rgba = np.dstack([rng.integers(0, 256, (4, 8, 3)), np.full((4, 8), 255)]).astype(np.uint8)
    texture = Texture.from_rgba(rgba)
    row, column = np.mgrid[:4, :8].reshape(2, -1)
    centers = np.stack([(column + 0.5) / 8, 1 - (row + 0.5) / 4], axis=-1)
    level = np.zeros(len(centers), np.int64)
    np.testing.assert_allclose(texture.lookup(centers, level), rgba[row, column] / 255, atol=1e-6)
    np.testing.assert_allclose(texture.lookup(centers + np.array([3, -2]), level), rgba[row, column] / 255, atol=1e-6)
    corner = texture.lookup(np.zeros((1, 2)), np.zeros(1, np.int64))[0]
    np.testing.assert_allclose(corner, rgba[[0, 0, -1, -1], [0, -1, 0, -1]].mean(axis=0) / 255, atol=1e-6)
    coarsest = texture.lookup(np.full((1, 2), 0.5), np.array([9]))[0]
    np.testing.assert_allclose(coarsest, rgba.mean(axis=(0, 1)) / 255, atol=0.5)
    assert texture.levels[1].shape == (2, 4, 4)


def test_a_fine_texture_far_away_is_averaged(tmp_path: Path) -> None:
    path = write_quad(tmp_path, "Kd 1 1 1\nmap_Kd board.png")
    board = np.indices((512, 512)).sum(axis=0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).convert("RGB").save(tmp_path / "board.png")
    np.testing.assert_allclose(draw(read(path))[2:-2, 2:-2, :3], 127.5 * UP, atol=2)


@pytest.mark.parametrize(
    ("material", "expected"),
    [
        ("Kd 0.2 0.4 0.8", [0.2, 0.4, 0.8, 1]),
        ("Kd 0.2 0.4 0.8\nd 0.5", [0.2, 0.4, 0.8, 0.5]),
        ("Kd 0.2 0.4 0.8\nTr 0.25", [0.2, 0.4, 0.8, 0.75]),
        ("Kd 0.2 0.4 0.8\nd 0", [0.2, 0.4, 0.8, 1]),
        ("Kd 0.5 0.5 1\nmap_Kd orange.png", [0.5, 0.25, 0, 1]),
        ("Kd 0 0 0\nmap_Kd orange.png", [1, 0.5, 0, 1]),
        ("map_Kd orange.png", [1, 0.5, 0, 1]),
        ("map_Kd pale.png", [1, 0.5, 0, 0.2]),
        ("Ns 10", [0.8, 0.8, 0.8, 1]),
    ],
)
def test_wavefront_materials(tmp_path: Path, material: str, expected: list[float]) -> None:
    path = write_quad(tmp_path, material)
    Image.new("RGBA", (4, 4), (255, 128, 0, 255)).save(tmp_path / "orange.png")
    Image.new("RGBA", (4, 4), (255, 128, 0, 51)).save(tmp_path / "pale.png")
    np.testing.assert_allclose(flat_color(path), expected, atol=0.012)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"baseColorFactor": [0.5, 0.214, 0.0, 1.0]}, [0.735, 0.5, 0, 1]),
        ({"baseColorFactor": [1.0, 1.0, 1.0, 0.3]}, [1, 1, 1, 1]),
        ({"baseColorFactor": [1.0, 1.0, 1.0, 0.3], "alphaMode": "BLEND"}, [1, 1, 1, 0.3]),
        ({"baseColorTexture": 128, "alphaMode": "OPAQUE"}, [0.2, 0.4, 0.6, 1]),
        ({"baseColorTexture": 128, "alphaMode": "BLEND"}, [0.2, 0.4, 0.6, 0.5]),
        ({"baseColorTexture": 128, "alphaMode": "MASK", "alphaCutoff": 0.4}, [0.2, 0.4, 0.6, 1]),
        ({"baseColorTexture": 64, "alphaMode": "MASK", "alphaCutoff": 0.4}, [1 / UP, 1 / UP, 1 / UP, 0]),
    ],
)
def test_gltf_materials(tmp_path: Path, options: dict, expected: list[float]) -> None:
    if "baseColorTexture" in options:
        picture = Image.new("RGBA", (4, 4), (51, 102, 153, options["baseColorTexture"]))
        options = options | {"baseColorTexture": picture}
    vertices = [[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]]
    visual = TextureVisuals(uv=np.array([[0, 0], [1, 0], [1, 1], [0, 1]]), material=PBRMaterial(**options))
    square = trimesh.Trimesh(vertices, [[0, 1, 2], [0, 2, 3]], visual=visual, process=False)
    square.export(tmp_path / "square.glb")
    np.testing.assert_allclose(flat_color(tmp_path / "square.glb"), expected, atol=0.012)


@pytest.mark.parametrize("kind", ["obj", "glb"])
def test_vertex_colors(tmp_path: Path, kind: str) -> None:
    vertices = [[-1, 0, 1], [1, 0, 1], [1, 0, -1], [-1, 0, -1]]
    square = trimesh.Trimesh(vertices, [[0, 1, 2], [0, 2, 3]], process=False)
    square.visual = ColorVisuals(square, vertex_colors=np.tile([51, 102, 204, 255], (4, 1)))
    square.export(tmp_path / f"square.{kind}")
    np.testing.assert_allclose(flat_color(tmp_path / f"square.{kind}"), [0.2, 0.4, 0.8, 1], atol=0.012)


def test_gltf_vertex_colors_multiply_the_material(tmp_path: Path) -> None:
    path = textured_square(tmp_path, "gltf")
    header = json.loads(path.read_text())
    (tmp_path / "colors.bin").write_bytes(np.full((4, 4), [0, 65535, 0, 65535], "<u2").tobytes())
    header["buffers"].append({"uri": "colors.bin", "byteLength": 32})
    header["bufferViews"].append({"buffer": len(header["buffers"]) - 1, "byteLength": 32})
    header["accessors"].append(
        {"bufferView": len(header["bufferViews"]) - 1, "componentType": 5123, "count": 4, "type": "VEC4"}
    )
    attributes = header["meshes"][0]["primitives"][0]["attributes"]
    attributes["COLOR_0"] = len(header["accessors"]) - 1
    path.write_text(json.dumps(header))
    picture = draw(read(path))
    assert picture[4, 4, :3].tolist() == [0, 0, 0]
    np.testing.assert_allclose(picture[4, 12, :3], [0, 255 * UP, 0], atol=1)


def test_edges_stay_sharp_without_normals_and_smooth_with_them(tmp_path: Path) -> None:
    (tmp_path / "flat.obj").write_text(QUAD.format(y=0) + "f 1 2 3 4\n")
    (tmp_path / "leaning.obj").write_text(QUAD.format(y=0) + "vn 0.6 0.8 0\nf 1//1 2//1 3//1\nf 1//1 3//1 4//1\n")
    assert not load(tmp_path / "flat.obj").normals.any()
    leaning = read(tmp_path / "leaning.obj")
    np.testing.assert_allclose(leaning.normals, [[0.6, 0, 0.8]] * len(leaning.normals), atol=1e-6)
    expected = 0.8 * 255 * light(np.array([[0.6, 0.0, 0.8]])).item()
    np.testing.assert_allclose(draw(leaning)[8, 8, :3], expected, atol=1)


# --- what cannot be read


def _no_faces(folder: Path) -> None:
    (folder / "bad.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\n")


def _nan(folder: Path) -> None:
    (folder / "bad.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")


def _no_extent(folder: Path) -> None:
    (folder / "bad.obj").write_text("v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n")


def _bad_index(folder: Path) -> None:
    (folder / "bad.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 7\n")


def _garbage(folder: Path) -> None:
    (folder / "bad.glb").write_bytes(b"\x00\x01 no mesh at all" * 9)


def _cut_off(folder: Path) -> None:
    path = write_box(folder / "bad.glb")
    path.write_bytes(path.read_bytes()[:-100])


def _missing_buffer(folder: Path) -> None:
    textured_square(folder, "gltf").rename(folder / "bad.gltf")
    for path in folder.glob("*.bin"):
        path.unlink()


def _missing_library(folder: Path) -> None:
    write_quad(folder, "Kd 1 0 0", "bad")
    (folder / "bad.mtl").unlink()


def _required_extension(folder: Path) -> None:
    path = textured_square(folder, "gltf")
    header = json.loads(path.read_text()) | {"extensionsRequired": ["KHR_texture_basisu"]}
    (folder / "bad.gltf").write_text(json.dumps(header))
    path.unlink()


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (_no_faces, "has no faces"),
        (_nan, "not finite"),
        (_no_extent, "no extent"),
        (_bad_index, "a face names vertex 7 of 3"),
        (_garbage, "not a glb file"),
        (_cut_off, "is cut off"),
        (_missing_buffer, "does not exist"),
        (_missing_library, "'bad.mtl', which does not exist"),
        (_required_extension, "KHR_texture_basisu"),
    ],
)
def test_unreadable_meshes_are_named_with_their_reason(
    tmp_path: Path, break_it: Callable[[Path], None], reason: str
) -> None:
    folder = tmp_path / "meshes" / "below"
    folder.mkdir(parents=True)
    break_it(folder)
    meshes = MeshFolder(tmp_path / "meshes")
    (path,), _ = meshes.meshes()
    with pytest.raises(UnreadableMeshError, match=reason) as caught:
        load_mesh(path, meshes)
    assert "\n" not in str(caught.value)


# --- names, copies and splits


def test_scene_names_are_unique_and_safe() -> None:
    paths = [
        "a/car.obj",
        "a b/car.obj",
        "a_b/car.glb",
        "b/CAR.glb",
        "B/car.glb",
        "b/car.obj",
        "..x.obj",
        "車.glb",
    ]
    names = scene_names([Path(path) for path in [*paths, "d/" * 120 + "car.glb"]])
    assert names[:8] == ["a-car", "a_b-car", "a_b-car-2", "b-CAR", "B-car-2", "b-car-3", "x", "車"]
    assert len(names[8].encode()) <= 220
    assert names[8].endswith("-car")


def sphere_with(extra: list[trimesh.Trimesh], scale: float = 1.0) -> Fingerprint:
    """The fingerprint of a body with something added."""
    body = trimesh.creation.icosphere(3)
    vertices = np.concatenate([body.vertices, *(part.vertices for part in extra)]) * scale
    return fingerprint(vertices, vertices / np.ptp(vertices, axis=0).max())


def test_copies_are_found_whatever_was_added_or_scaled() -> None:
    on_roof = trimesh.creation.box((0.2, 0.2, 0.2), trimesh.transformations.translation_matrix([0, 0, 1.05]))
    bumper = trimesh.creation.box((0.2, 0.2, 0.2), trimesh.transformations.translation_matrix([1.1, 0, 0]))
    torus = trimesh.creation.torus(1.0, 0.3)
    plain = sphere_with([])
    fingerprints = {
        "plain": plain,
        "other": fingerprint(np.asarray(torus.vertices), np.asarray(torus.vertices)),
        "siren": sphere_with([on_roof]),
        "bumper": sphere_with([bumper]),
        "inches": sphere_with([], scale=39.37),
    }
    assert group_copies(fingerprints) == [["plain", "siren", "bumper", "inches"], ["other"]]
    assert plain.similarity(plain) == 1.0
    assert plain.similarity(fingerprints["other"]) < 0.05


def test_similarity_is_the_share_of_common_vertices() -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (12_000, 3))
    points[:2] = [[-1, -1, -1], [1, 1, 1]]
    a, b = points[:8000], np.concatenate([points[:2], points[4000:]])
    estimate = fingerprint(a, a).similarity(fingerprint(b, b))
    assert estimate == pytest.approx(4002 / 12_000, abs=0.07)


def test_splits_never_part_a_group_and_follow_the_fraction() -> None:
    groups = [[f"{group}-{copy}" for copy in range(1 + group % 4)] for group in range(20)]
    total = sum(map(len, groups))
    for seed in range(10):
        split = split_groups(groups, 0.3, seed)
        test = set(split["test"])
        assert sorted([*split["train"], *split["test"]]) == sorted(name for group in groups for name in group)
        assert all(len(test & set(group)) in (0, len(group)) for group in groups)
        assert abs(len(test) - 0.3 * total) <= 2
    assert split_groups(groups, 0.3, 1) == split_groups(groups, 0.3, 1) != split_groups(groups, 0.3, 2)
    assert split_groups(groups, 0.0, 0)["test"] == split_groups(groups, 1.0, 0)["train"] == []
    assert [len(names) for names in split_groups([["a"], ["b", "c", "d"]], 0.1, 0).values()].count(0) == 0


# --- the whole folder


def make(source: Path, out: Path, config: RenderConfig = CONFIG) -> tuple[list, list]:
    scenes, skips = [], []
    render_meshes(
        source,
        out,
        config,
        on_scene=lambda name, done, total: scenes.append((name, done, total)),
        on_skip=lambda path, reason: skips.append((path, reason)),
    )
    return scenes, skips


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two colors of one box, another mesh, a broken one, a stray file."""
    source = tmp_path / "meshes"
    write_box(source / "red" / "box.glb")
    write_box(source / "blue" / "box.glb", color=(30, 60, 220), scale=3.0)
    trimesh.creation.cylinder(1.0, 3.0).export(source / "can.obj")
    (source / "broken.obj").write_text("f 1 2 3\n")
    (source / "LICENSE.txt").write_text("v 0 0 0\n")
    return source


def test_a_folder_becomes_a_dataset(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    scenes, skips = make(folder, out)
    assert scenes == [("blue-box", 1, 3), ("can", 2, 3), ("red-box", 3, 3)]
    assert [path.name for path, _ in skips] == ["broken.obj"]
    dataset = json.loads((out / "dataset.json").read_text())
    assert dataset["made_by"]["skipped"] == [{"file": "broken.obj", "reason": skips[0][1]}]
    assert dataset["made_by"]["resolution"] == 16
    splits = dataset["splits"]
    assert sorted([*splits["train"], *splits["test"]]) == ["blue-box", "can", "red-box"]
    assert ["can"] in splits.values()
    lower, upper = np.array(dataset["aabb"])
    np.testing.assert_allclose(upper, [0.52, 0.52 * 2 / 3, 0.52 * 2 / 3], atol=2e-3)
    np.testing.assert_allclose(lower, -upper, atol=1e-6)
    transforms = json.loads((out / "can" / "transforms.json").read_text())
    assert len(transforms["frames"]) == 3
    rgba = np.asarray(Image.open(out / "red-box" / transforms["frames"][0]["file_path"]))
    solid = rgba[rgba[..., 3] == 255]
    assert len(solid) > 10
    assert (solid[:, 0] > 3 * solid[:, 1]).all()


def test_a_second_run_draws_only_what_is_missing_and_the_same(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    make(folder, out)
    before = (out / "can" / "rgba" / "001.png").read_bytes()
    untouched = (out / "red-box" / "transforms.json").stat().st_mtime_ns
    record = (out / "dataset.json").read_bytes()
    shutil.rmtree(out / "can")
    scenes, _ = make(folder, out)
    assert len(scenes) == 3
    assert (out / "can" / "rgba" / "001.png").read_bytes() == before
    assert (out / "red-box" / "transforms.json").stat().st_mtime_ns == untouched
    assert (out / "dataset.json").read_bytes() == record


def test_a_mesh_added_later_leaves_the_others_as_they_are(folder: Path, tmp_path: Path) -> None:
    make(folder, tmp_path / "out")
    before = (tmp_path / "out" / "can" / "transforms.json").read_bytes()
    trimesh.creation.cone(1.0, 2.0).export(folder / "a_cone.obj")
    scenes, _ = make(folder, tmp_path / "out")
    assert scenes[0] == ("a_cone", 1, 4)
    make(folder, tmp_path / "anew")
    assert (tmp_path / "anew" / "can" / "transforms.json").read_bytes() == before


def test_other_options_are_refused_in_the_same_folder(folder: Path, tmp_path: Path) -> None:
    make(folder, tmp_path / "out")
    with pytest.raises(InputError, match="views"):
        make(folder, tmp_path / "out", replace(CONFIG, views=4))


def test_folders_without_a_usable_mesh_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        make(tmp_path / "nowhere", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="found none"):
        make(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "empty" / "bad.obj").write_text("v 0 0 0\n")
    with pytest.raises(InputError, match=r"none of its 1 meshes.*bad\.obj"):
        make(tmp_path / "empty", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [("views", 1), ("resolution", 8), ("extent", 0.0), ("test_fraction", 1.5), ("seed", -1)],
)
def test_options_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(InputError, match=field):
        replace(RenderConfig(), **{field: value})


# --- real meshes


@pytest.mark.parametrize(
    ("file", "strongest", "weakest"),
    [
        ("kenney_car_kit/glb/firetruck.glb", 0, 2),
        ("kaykit_city_cars/gltf/car_taxi.gltf", 0, 2),
        ("kenney_starter_racing/models/vehicle-truck-green.glb", 1, 0),
        ("sweethome3d_vehicles/vehicles/Scopia/scopia/chevrolet/chevrolet.obj", 0, 2),
    ],
)
def test_real_vehicles_have_their_color_and_lie_along_x(
    shared_data: Path, file: str, strongest: int, weakest: int
) -> None:
    root = shared_data / "meshes"
    mesh = turn(resize(set_upright(load_mesh(root / file, MeshFolder(root)), "y"), 1.0), "each")
    assert mesh.bounds()[1, 0] == pytest.approx(0.5)
    pictures = Tracer(mesh).render(hemisphere_cameras(3, 32, seed=0), 2).astype(float)
    strong, weak = pictures[..., strongest], pictures[..., weakest]
    colored = (pictures[..., 3] == 255) & (pictures[..., :3].max(-1) > 1.4 * pictures[..., :3].min(-1))
    assert colored.sum() > 100
    assert (strong[colored] > 1.3 * weak[colored]).mean() > 0.6


def test_recolored_real_vehicles_are_found(shared_data: Path) -> None:
    prints = {}
    for part in ("kaykit_city_cars", "kenney_starter_racing"):
        root = shared_data / "meshes" / part
        folder = MeshFolder(root)
        for path in folder.meshes()[0]:
            mesh = load_mesh(path, folder)
            upright = turn(resize(set_upright(mesh, "y"), 1.0), "each")
            prints[path.stem] = fingerprint(mesh.vertices, upright.vertices)
    groups = group_copies(prints)
    assert sorted(map(len, groups)) == [4, 5]
