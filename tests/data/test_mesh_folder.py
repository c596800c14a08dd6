"""Which files a mesh may name, how they are found, and how the folder is searched."""

from pathlib import Path

import numpy as np
import pytest
from drawing import quadrants, read
from gltf_files import GltfFile, encoded, plain
from mesh_features import wavefront

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.gltf import reading
from triptych.data.generators.meshes.loading import load_mesh
from triptych.data.generators.meshes.problems import UnreadableMeshError

BLUE = encoded(plain((0, 0, 255)))


@pytest.fixture
def meshes(tmp_path: Path) -> Path:
    """The input folder; beside it lies a picture that no mesh may see."""
    (tmp_path / "secret.png").write_bytes(BLUE)
    (tmp_path / "meshes" / "below").mkdir(parents=True)
    return tmp_path / "meshes"


def losses(meshes: Path, material: str) -> tuple[str, ...]:
    path = wavefront(meshes / "below", f"Kd 1 0 0\nmap_Kd {material}")
    return load_mesh(path, MeshFolder(meshes)).without


@pytest.mark.parametrize(
    "name", ["../../secret.png", "{}/secret.png", "..\\..\\secret.png", "%2e%2e/%2e%2e/secret.png"]
)
def test_nothing_outside_the_folder_is_read_and_the_loss_is_named(meshes: Path, name: str) -> None:
    (loss,) = losses(meshes, name.format(meshes.parent))
    assert "outside the input folder" in loss


def test_a_link_out_of_the_folder_is_followed_only_if_asked_for(meshes: Path) -> None:
    (meshes / "below" / "link.png").symlink_to(meshes.parent / "secret.png")
    (loss,) = losses(meshes, "link.png")
    assert "--follow-links" in loss
    mesh = load_mesh(meshes / "below" / "m.obj", MeshFolder(meshes, follow_links=True))
    assert mesh.without == ()


def test_following_links_still_keeps_names_from_climbing_out(meshes: Path) -> None:
    path = wavefront(meshes / "below", "Kd 1 0 0\nmap_Kd ../../secret.png")
    (loss,) = load_mesh(path, MeshFolder(meshes, follow_links=True)).without
    assert "outside the input folder" in loss


def test_a_relative_input_folder_holds_its_meshes_too(meshes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wavefront(meshes, "Kd 1 0 0\nmap_Kd ../secret.png")
    monkeypatch.chdir(meshes)
    folder = MeshFolder(Path(), follow_links=True)
    (path,), _ = folder.meshes()
    (loss,) = load_mesh(path, folder).without
    assert "outside the input folder" in loss


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("../images/my%20blue.png", "images/my blue.png"),
        ("..\\images\\my blue.png", "images/my blue.png"),
        ("/home/me/project/images/blue.png", "images/blue.png"),
        ("D:\\work\\images\\blue.png", "images/blue.png"),
        ("Blue.PNG", "below/blue.png"),
        ("./tex/blue.png", "below/other/deep/blue.png"),
    ],
)
def test_names_lead_to_files_that_moved_along(meshes: Path, name: str, place: str) -> None:
    (meshes / place).parent.mkdir(parents=True, exist_ok=True)
    (meshes / place).write_bytes(BLUE)
    path = wavefront(meshes / "below", f"map_Kd {name}")
    assert read(path, meshes).surfaces[0].texture is not None


def test_of_several_files_of_one_name_the_one_with_the_longest_common_end_is_meant(meshes: Path) -> None:
    for folder, color in (("a", (255, 0, 0)), ("door", (0, 0, 255)), ("z", (0, 255, 0))):
        (meshes / "below" / "x" / folder).mkdir(parents=True)
        (meshes / "below" / "x" / folder / "tex.png").write_bytes(encoded(plain(color)))
    path = wavefront(meshes / "below", "map_Kd C:\\parts\\door\\tex.png")
    texture = read(path, meshes).surfaces[0].texture
    assert texture is not None
    assert texture.levels[0][0, 0].tolist() == [0, 0, 255, 255]


def test_gltf_buffers_and_pictures_beside_the_file(meshes: Path) -> None:
    file = GltfFile()
    file.header |= {"images": [{"uri": "my%20blue.png"}], "textures": [{"source": 0}]}
    material = file.material({"baseColorTexture": {"index": 0}})
    file.place(file.primitive(material=material, TEXCOORD_0=np.zeros((4, 2), np.float32)))
    (meshes / "my blue.png").write_bytes(BLUE)
    (meshes / "m.bin").write_bytes(bytes(file.binary))
    file.header["buffers"] = [{"uri": "m.bin", "byteLength": len(file.binary)}]
    path = file.save(meshes / "m.gltf")
    np.testing.assert_allclose(quadrants(path)[:, :3], np.tile([0, 0, 1.0], (4, 1)), atol=0.01)
    (meshes / "m.bin").unlink()
    with pytest.raises(UnreadableMeshError, match=r"'m\.bin', which does not exist"):
        load_mesh(path, MeshFolder(meshes))


def test_the_search_leaves_hidden_files_aside_and_finds_each_file_once(meshes: Path, tmp_path: Path) -> None:
    for name in ("a.obj", "sub/B.OBJ", "._a.obj", ".git/c.obj", "__MACOSX/a.obj", "notes.txt"):
        (meshes / name).parent.mkdir(exist_ok=True)
        (meshes / name).write_text("")
    (meshes / "again").symlink_to(meshes / "sub")
    (meshes / "loop").symlink_to(meshes)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "d.glb").write_text("")
    (meshes / "out").symlink_to(tmp_path / "elsewhere")
    found, refused = MeshFolder(meshes).meshes()
    assert [path.relative_to(meshes).as_posix() for path in found] == ["a.obj", "sub/B.OBJ"]
    assert [path.name for path, _ in refused] == ["out"]
    assert "--follow-links" in refused[0][1]
    found, refused = MeshFolder(meshes, follow_links=True).meshes()
    assert [path.relative_to(meshes).as_posix() for path in found] == ["a.obj", "out/d.glb", "sub/B.OBJ"]
    assert refused == []


def test_pictures_that_would_fill_the_memory_or_start_programs_are_named(meshes: Path) -> None:
    from PIL import Image

    Image.new("1", (12_000, 12_000)).save(meshes / "below" / "bomb.png")
    (loss,) = losses(meshes, "bomb.png")
    assert "has too many pixels" in loss
    Image.new("L", (4, 4)).save(meshes / "below" / "page.eps")
    (loss,) = losses(meshes, "page.eps")
    assert "is not a picture that can be read" in loss


def test_a_mesh_of_too_many_parts_is_refused(meshes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MOST_PARTS", 20)
    file = GltfFile().use("EXT_mesh_gpu_instancing")
    places = file.add("accessors", {"componentType": 5126, "count": 1000, "type": "VEC3"})
    extensions = {"EXT_mesh_gpu_instancing": {"attributes": {"TRANSLATION": places}}}
    file.place(file.primitive(), extensions=extensions)
    with pytest.raises(UnreadableMeshError, match="more than"):
        load_mesh(file.save(meshes / "m.glb"), MeshFolder(meshes))
