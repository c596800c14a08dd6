"""Meshes of a ball that is known exactly, and of fitted balls."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import trimesh
from exact_ball import AABB, RADIUS, exact_ball, surface_radius

from triptych import Orbit, SceneBank, StoredScene, open_scenes
from triptych.cli import main
from triptych.data import Dataset
from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.light import display
from triptych.data.generators.meshes.loading import load_mesh
from triptych.data.generators.meshes.standing import set_upright
from triptych.data.generators.meshes.tracing import Tracer
from triptych.errors import InputError
from triptych.export import MeshConfig, export_mesh, extract_mesh, write_mesh, write_meshes
from triptych.export.atlas import Atlas, spread_outward
from triptych.export.seen_colors import spread_colors
from triptych.export.surface import density_grid, find_surface, with_fewer_faces
from triptych.representation.config import SamplingConfig
from triptych.representation.sdf import FIRST_RADIUS
from triptych.training.single.config import OwnPlanesConfig, SingleSDF
from triptych.training.single.fields import SDF
from triptych.training.single.scene import SingleScene
from triptych.training.single.targets import image_space

CENTER = np.array([0.1, -0.05, 0.0])
AROUND = MeshConfig(resolution=40, azimuths=6, elevations=(-40.0, 0.0, 40.0), texels=128)
SMALL = replace(AROUND, threshold=100.0, smoothing=0.0, colors="vertices")
VOXEL = 1.0 / 40


@pytest.fixture(scope="module")
def ball() -> trimesh.Trimesh:
    return extract_mesh(exact_ball(), SMALL)


def rgb(mesh: trimesh.Trimesh) -> np.ndarray:
    visual: Any = mesh.visual
    return np.asarray(visual.vertex_colors)[:, :3] / 255


def tree_of(glb: Path) -> Any:
    content = glb.read_bytes()
    return json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])


def test_the_surface_is_closed_looks_outwards_and_lies_where_the_density_says(ball: trimesh.Trimesh) -> None:
    assert ball.is_watertight
    assert ball.body_count == 1
    distance = np.linalg.norm(ball.vertices - CENTER, axis=1)
    assert np.abs(distance - surface_radius(100.0)).max() < VOXEL / 2
    assert ball.volume == pytest.approx(4 / 3 * np.pi * surface_radius(100.0) ** 3, rel=0.03)


def test_colors_are_those_of_the_surface_on_every_side(ball: trimesh.Trimesh) -> None:
    error = np.abs(rgb(ball) - (0.5 + ball.vertices))
    assert error.mean() < 0.02
    assert np.quantile(error, 0.99) < 0.08


def test_vertices_that_no_view_sees_take_the_colors_around_them() -> None:
    mesh = extract_mesh(exact_ball(), MeshConfig(resolution=24, azimuths=4, elevations=(60.0,), colors="vertices"))
    unseen = mesh.vertices[:, 2] < -0.2
    assert unseen.any()
    # Blue is 1/2 + z: the lowest that a camera at 60 degrees sees lies well above the underside.
    assert rgb(mesh)[unseen, 2].min() > 0.25


def test_a_scene_cut_by_its_box_is_closed_there() -> None:
    mesh = extract_mesh(exact_ball(center=(0.4, 0.0, 0.0)), SMALL)
    assert mesh.is_watertight
    assert mesh.bounds[1][0] == pytest.approx(0.5, abs=1e-3)


def test_hollows_inside_are_filled() -> None:
    hollow, full = (extract_mesh(exact_ball(hollow_radius=radius), SMALL) for radius in (0.15, 0.0))
    assert hollow.body_count == 1
    assert hollow.volume == pytest.approx(full.volume, rel=1e-3)


def test_voxels_are_cubes_that_fill_the_box() -> None:
    density, first, voxel = density_grid(exact_ball().field, 40)
    assert density.shape == (40, 32, 36)
    np.testing.assert_allclose(first, AABB[0].numpy() + voxel / 2, atol=1e-6)
    index = tuple(np.rint((CENTER - first) / voxel).astype(int))
    assert density[index] > 1000


@pytest.fixture(scope="module")
def textured() -> trimesh.Trimesh:
    return extract_mesh(exact_ball(), replace(AROUND, faces=600))


def texture_of(mesh: trimesh.Trimesh) -> np.ndarray:
    """RGB in [0, 1], rows from above."""
    visual: Any = mesh.visual
    return np.asarray(visual.material.baseColorTexture)[..., :3] / 255


def without_seams(mesh: trimesh.Trimesh) -> trimesh.Trimesh:
    merged = trimesh.Trimesh(mesh.vertices, mesh.faces)
    merged.merge_vertices()
    return merged


def test_without_a_threshold_the_surface_lies_where_it_is_seen(textured: trimesh.Trimesh) -> None:
    mesh = without_seams(textured)
    assert mesh.is_watertight
    assert len(mesh.faces) == 600
    distance = np.linalg.norm(mesh.vertices - CENTER, axis=1)
    assert np.abs(distance - RADIUS).max() < VOXEL / 2
    assert mesh.volume == pytest.approx(4 / 3 * np.pi * RADIUS**3, rel=0.08)


def test_bumps_are_smoothed_away() -> None:
    random = np.random.default_rng(0)
    rough = exact_ball()
    rough.micro[..., 0] += torch.from_numpy(random.normal(0, 0.006, rough.micro.shape[:3])).float()

    def bumpiness(smoothing: float) -> float:
        mesh = find_surface(rough, replace(AROUND, smoothing=smoothing))
        return float(np.linalg.norm(mesh.vertices - CENTER, axis=1).std())

    assert bumpiness(1 / 40) < bumpiness(0.0) / 2


def test_every_texel_of_a_chart_has_the_color_of_its_place(textured: trimesh.Trimesh) -> None:
    picture, visual = texture_of(textured), cast(Any, textured.visual)
    height, width = picture.shape[:2]
    shares = np.random.default_rng(0).dirichlet([1, 1, 1], size=len(textured.faces))
    points = np.einsum("fc,fcx->fx", shares, textured.vertices[textured.faces])
    u, v = np.einsum("fc,fcx->fx", shares, visual.uv[textured.faces]).T
    # The texel under a point, without filtering: the worst that a viewer can show.
    found = picture[((1 - v) * height).astype(int), (u * width).astype(int)]
    error = np.abs(found - (0.5 + points))
    assert error.mean() < 0.02
    assert error.max() < 0.15


def test_texels_beside_the_charts_continue_them(textured: trimesh.Trimesh) -> None:
    # No color of the ball lies near black, white or the background.
    picture = texture_of(textured)
    assert picture.min() > 0.1
    assert picture.max() < 0.95
    covered = np.zeros((4, 6), bool)
    covered[1, 1] = covered[2, 5] = True
    painted = np.zeros((4, 6, 1))
    painted[1, 1], painted[2, 5] = 1, 2
    filled = spread_outward(painted, covered)[..., 0]
    assert filled[0, 0] == filled[3, 1] == 1
    assert filled[3, 4] == filled[0, 5] == 2


def test_charts_lie_apart_and_keep_the_faces(textured: trimesh.Trimesh) -> None:
    mesh = trimesh.creation.box()
    atlas = Atlas.of(mesh, 64)
    np.testing.assert_array_equal(atlas.origin[atlas.faces], mesh.faces)
    texels = atlas.texels()
    assert texels.covered.shape == (atlas.height, atlas.width)
    np.testing.assert_allclose(texels.shares.sum(axis=1), 1, atol=1e-6)
    # All sides of a box are as large, and show the middles of as many texels.
    counts = np.bincount(texels.faces, minlength=12)
    assert counts.min() > 0.8 * counts.max() > 0


@pytest.mark.parametrize("lit", [False, True])
def test_a_glb_holds_the_texture_and_is_lit_by_choice(lit: bool, textured: trimesh.Trimesh, tmp_path: Path) -> None:
    write_mesh(tmp_path / "ball.glb", textured, lit=lit)
    found = trimesh.load_mesh(tmp_path / "ball.glb", process=False)
    np.testing.assert_array_equal(texture_of(found), texture_of(textured))
    np.testing.assert_allclose(found.vertices[:, [0, 2]] * [1, -1], textured.vertices[:, :2], atol=1e-6)
    assert without_seams(found).is_watertight
    tree = tree_of(tmp_path / "ball.glb")
    (primitive,), (material,) = tree["meshes"][0]["primitives"], tree["materials"]
    assert ("KHR_materials_unlit" in material.get("extensions", {})) is not lit
    assert ("extensionsUsed" in tree, "NORMAL" in primitive["attributes"]) == (not lit, lit)
    rough = material["pbrMetallicRoughness"]
    assert (rough["metallicFactor"], rough["roughnessFactor"]) == (0, 1)
    if lit:
        # As one mesh, trimesh would give it new normals.
        (stored,) = cast(Any, trimesh.load_scene(tmp_path / "ball.glb", process=False)).geometry.values()
        outward = stored.vertices - [CENTER[0], CENTER[2], -CENTER[1]]
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        towards = (outward * stored.vertex_normals).sum(axis=1)
        assert towards.min() > 0.95
        assert towards.mean() > 0.99


def test_a_textured_glb_is_drawn_in_its_colors(textured: trimesh.Trimesh, tmp_path: Path) -> None:
    write_mesh(tmp_path / "ball.glb", textured)
    mesh = set_upright(load_mesh(tmp_path / "ball.glb", MeshFolder(tmp_path)), "y")
    assert mesh.without == ()
    scene = exact_ball()
    cameras = scene.model.along(Orbit(3, elevation_degrees=10.0))
    views, drawn = scene.render(cameras), Tracer(mesh).render(cameras, 1) / 255
    own = views.images.permute(0, 2, 3, 1).clamp(0, 1).numpy()
    both = (drawn[..., 3] == 1) & (views.opacity.numpy() > 0.99)
    assert both.sum() > 0.9 * (drawn[..., 3] > 0).sum()
    assert np.abs(drawn[..., :3] - own)[both].mean() < 0.01


def test_an_export_comes_out_the_same_again(textured: trimesh.Trimesh, tmp_path: Path) -> None:
    write_mesh(tmp_path / "one.glb", textured)
    export_mesh(tmp_path / "two.glb", exact_ball(), replace(AROUND, faces=600))
    assert (tmp_path / "one.glb").read_bytes() == (tmp_path / "two.glb").read_bytes()


def test_files_without_textures_take_vertex_colors(tmp_path: Path) -> None:
    export_mesh(tmp_path / "ball.ply", exact_ball(), replace(AROUND, faces=600))
    found = trimesh.load_mesh(tmp_path / "ball.ply", process=False)
    assert found.is_watertight
    assert len(found.faces) == 600
    assert np.abs(rgb(found) - (0.5 + found.vertices)).mean() < 0.03


def test_fewer_faces_keep_the_shape() -> None:
    full = find_surface(exact_ball(), SMALL)
    fewer = with_fewer_faces(full, 400)
    assert len(fewer.faces) == 400
    assert fewer.is_watertight
    assert fewer.volume == pytest.approx(full.volume, rel=0.02)
    assert with_fewer_faces(full, 10**6) is full


def test_colors_spread_evenly_over_what_is_not_seen() -> None:
    # A strip of vertices in a row, of which the ends are seen: a straight ramp lies between them.
    across = np.arange(11.0)
    vertices = np.concatenate([np.stack([across, 0 * across + side, 0 * across], axis=1) for side in (0, 1)])
    quads = np.array([[[i, i + 1, i + 12], [i, i + 12, i + 11]] for i in range(10)]).reshape(-1, 3)
    mesh = trimesh.Trimesh(vertices, quads, process=False)
    weights = np.isin(mesh.vertices[:, 0], [0, 10]) * 1000.0
    colors = np.where(mesh.vertices[:, :1] == 10, 1.0, 0.0) * np.ones(3)
    spread = spread_colors(mesh, colors, weights)
    np.testing.assert_allclose(spread, mesh.vertices[:, :1] / 10 * np.ones(3), atol=0.05)
    alone = spread_colors(mesh, colors, np.where(mesh.vertices[:, 0] == 10, 1.0, 0.0))
    np.testing.assert_allclose(alone, 1, atol=1e-3)


@pytest.mark.parametrize("suffix", [".glb", ".ply", ".obj"])
def test_files_come_back_through_trimesh(suffix: str, ball: trimesh.Trimesh, tmp_path: Path) -> None:
    write_mesh(tmp_path / f"ball{suffix}", ball)
    found = trimesh.load_mesh(tmp_path / f"ball{suffix}", process=False)
    expected = ball.vertices
    if suffix == ".glb":
        expected = np.stack([expected[:, 0], expected[:, 2], -expected[:, 1]], axis=1)
    np.testing.assert_allclose(found.vertices, expected, atol=1e-6)
    np.testing.assert_allclose(found.bounds, [expected.min(axis=0), expected.max(axis=0)], atol=1e-6)
    assert found.is_watertight
    assert found.volume == pytest.approx(ball.volume, rel=1e-4)
    if suffix != ".glb":
        np.testing.assert_allclose(rgb(found), rgb(ball), atol=1 / 254)


def test_a_glb_holds_linear_light_and_an_unlit_material(ball: trimesh.Trimesh, tmp_path: Path) -> None:
    write_mesh(tmp_path / "ball.glb", ball)
    # triptych's own reader follows glTF: with a material, COLOR_0 is linear light.
    found = load_mesh(tmp_path / "ball.glb", MeshFolder(tmp_path))
    np.testing.assert_allclose(display(found.colors[:, :3]), rgb(ball), atol=0.003)
    tree = tree_of(tmp_path / "ball.glb")
    assert tree["extensionsUsed"] == ["KHR_materials_unlit"]
    (primitive,) = tree["meshes"][0]["primitives"]
    assert "KHR_materials_unlit" in tree["materials"][primitive["material"]]["extensions"]


def test_small_parts_are_dropped() -> None:
    from triptych.export.surface import _without_small_parts

    large, small = trimesh.creation.icosphere(3), trimesh.creation.icosphere(1)
    small.apply_translation([3, 0, 0])
    both = trimesh.util.concatenate([large, small])
    assert _without_small_parts(both.copy(), 0.1).bounds[1][0] == pytest.approx(1)
    assert _without_small_parts(both.copy(), 0.0).bounds[1][0] == pytest.approx(4)


def test_signed_distances_are_cut_where_they_are_zero(balls: Dataset) -> None:
    scene, config = balls.subset([0]), SingleSDF(planes=OwnPlanesConfig(8, 4))
    space = image_space(scene)
    field = SDF(scene, config, space, seed=0).finished()
    torch.nn.init.zeros_(field.mlp.output.weight)
    torch.nn.init.zeros_(field.mlp.output.bias)  # what is left is the first ball
    mesh = extract_mesh(SingleScene("ball", space, field, SamplingConfig(16, 0), scene.picture_size, {}), SMALL)
    lower, upper = scene.aabb.numpy()
    radius = FIRST_RADIUS * (upper - lower).min() / 2
    assert mesh.is_watertight
    distance = np.linalg.norm(mesh.vertices - (lower + upper) / 2, axis=1)
    np.testing.assert_allclose(distance, radius, rtol=2e-3)


def test_scenes_of_a_bank_go_to_a_folder_or_one_to_a_file(trained_balls: Path, tmp_path: Path) -> None:
    scenes = open_scenes(trained_balls / "trained_scenes", trained_balls)
    density, _, _ = density_grid(scenes["ball_0"].field, 8)
    config = MeshConfig(resolution=8, threshold=float(density.max()) / 2, azimuths=2, elevations=(30.0,))
    files = write_meshes(tmp_path / "folder", scenes.only("ball_0"), config, suffix=".ply")
    assert [file.relative_to(tmp_path).as_posix() for file in files] == ["folder/ball_0.ply"]
    write_meshes(tmp_path / "one.obj", scenes.only("ball_0"), config)
    assert trimesh.load_mesh(tmp_path / "one.obj").is_watertight
    with pytest.raises(InputError, match="one file for 2 scenes"):
        write_meshes(tmp_path / "two.obj", scenes.only("ball_0", "ball_1"), config)


def test_a_scene_without_surface_is_named_and_the_others_are_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ball = exact_ball()
    ball.model.save(tmp_path / "model")
    bank = SceneBank.create(tmp_path / "bank", ball.model)
    empty = ball.micro.clone()
    empty[0, :, :, 0] += 10  # the squared distance from the center, which is near nowhere
    names = ("a blank", "ball", "../ball", "balls/" * 20, "two\nlines")
    for name in names:
        micro = empty if name == "a blank" else ball.micro
        bank.add(name, StoredScene(micro, ball.coefficients, name, {}))
    small = ["--resolution", "16", "--azimuths", "3", "--elevations", "20", "--colors", "vertices"]
    small += ["--model", str(tmp_path / "model")]
    with pytest.raises(SystemExit) as ended:
        main(["export", "mesh", str(tmp_path / "bank"), str(tmp_path / "meshes" / "out"), *small])
    assert ended.value.code == 2
    *_, reason, count = capsys.readouterr().err.splitlines()
    assert reason.startswith("triptych: scene 'a blank': no view sees a surface")
    assert count == "triptych: 1 of 5 scenes left out; the others are written"
    (folder,) = (tmp_path / "meshes").iterdir()
    files = list(folder.iterdir())
    assert len(files) == 4
    assert all(trimesh.load_mesh(file).is_watertight for file in files)

    with pytest.raises(SystemExit) as ended:
        main(["export", "mesh", str(tmp_path / "bank"), str(tmp_path / "none"), *small, "--scenes", "a blank"])
    assert ended.value.code == 2
    assert "triptych: scene 'a blank': no view sees a surface" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_what_makes_no_mesh_is_refused_in_one_line(
    ball: trimesh.Trimesh, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="give a lower one"):
        extract_mesh(exact_ball(), MeshConfig(resolution=8, threshold=1e6))
    with pytest.raises(InputError, match="another radius"):
        extract_mesh(exact_ball(), MeshConfig(resolution=8, radius=0.01, azimuths=2))
    with pytest.raises(InputError, match=r"ends in \.glb, \.ply or \.obj"):
        write_mesh(tmp_path / "ball.stl", ball)
    with pytest.raises(InputError, match="resolution"):
        MeshConfig(resolution=4)
    for module, package in (("skimage.measure", "scikit-image"), ("xatlas", "xatlas")):
        with monkeypatch.context() as without:
            without.setitem(sys.modules, module, None)
            with pytest.raises(InputError, match=rf"need {package}; install it with pip install .triptych\[mesh\]"):
                extract_mesh(exact_ball(), MeshConfig(resolution=8))
    assert not list(tmp_path.iterdir())


def test_the_ball_renders_as_it_is_drawn() -> None:
    """The fixture itself: a camera on +x sees the middle of the ball at the right distance, in the right color."""
    scene = exact_ball(center=(0.0, 0.0, 0.0))
    views = scene.render(scene.model.along(Orbit(1, elevation_degrees=0.0)))
    assert float(views.depth[0, 24, 32]) == pytest.approx(1.0, abs=0.02)
    torch.testing.assert_close(views.images[0, :, 24, 32], torch.tensor([0.8, 0.5, 0.5]), rtol=0, atol=0.03)
