"""Whatever stands in a mesh file, reading it gives triangles or the one error that says why not."""

import contextlib
import copy
from pathlib import Path
from typing import Any

import numpy as np
from gltf_files import SQUARE, WHOLE, GltfFile, box, encoded, glb, plain
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.gltf import read_gltf
from triptych.data.generators.meshes.mesh import join
from triptych.data.generators.meshes.problems import Losses, UnreadableMeshError
from triptych.data.generators.meshes.wavefront import read_obj

OBJ = b"""mtllib m.mtl
v -1 0 1 .5 .2 1\nv 1 0 1\nv 1 0 -1\nv -1 0 -1\nv 0 0 -.5\nvt 0 0\nvt 1 0\nvt 1 1\nvn 0 1 0
usemtl paint\nf 1/1/1 2/2/1 3/3/1 5//1 4//1\nusemtl other\nf -4 -3 -2\nl 1 2\n"""
MTL = b"""newmtl paint\nKd 1 .5 .2\nd .7\nKe .1 0 0\nmap_Kd -s 2 2 1 -o .1 0 0 -mm 0 1 -clamp on m.png
map_d -imfchan m m.png\nnewmtl other\nKd 0 0 1\nTr .3\nmap_Ke m.png\n"""
PNG = encoded(plain((200, 100, 50, 120)))
SOME = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

odd_values = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1,
        5,
        255,
        5121,
        5126,
        2**31,
        2**63,
        1e308,
        0.5,
        "",
        "x",
        "MAT4",
        "data:,",
        [],
        {},
        [[]],
        [1, 2],
    ]
)
edits = st.lists(
    st.tuples(st.integers(0, 10_000), st.one_of(st.binary(max_size=4), st.integers(0, 255))), min_size=1, max_size=4
)


def rich_file() -> GltfFile:
    """A file with a bit of everything."""
    file = GltfFile()
    texture = file.texture(PNG, wrapS=33071, wrapT=33648)
    transform = {"KHR_texture_transform": {"offset": [0.1, 0.2], "rotation": 0.3, "scale": [1, 2]}}
    base = {"baseColorTexture": {"index": texture, "texCoord": 0, "extensions": transform}}
    fields = {"alphaMode": "MASK", "emissiveFactor": [0.1, 0.2, 0.3], "emissiveTexture": {"index": texture}}
    square = file.primitive(material=file.material(base, **fields), TEXCOORD_0=WHOLE)
    square["targets"] = [{"POSITION": file.accessor(SQUARE)}]
    file.place(square, mesh={"weights": [0.5]}, rotation=[0, 0.7, 0, 0.7])
    vertices, faces = box()
    weights = np.tile(np.array([[255, 0, 0, 0]], np.uint8), (8, 1))
    file.place(file.primitive(vertices, faces, JOINTS_0=weights * 0, WEIGHTS_0=weights), skin=0)
    inverse = file.accessor(np.eye(4, dtype=np.float32).reshape(1, 16))
    file.header["skins"] = [{"joints": [0], "inverseBindMatrices": inverse}]
    return file


RICH = rich_file()


def places(value: Any, path: tuple = ()) -> list[tuple]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, below in inner for found in [(*path, key), *places(below, (*path, key))]]


PLACES = places(RICH.header)


def damaged(data: bytes, changes: list) -> bytes:
    changed = bytearray(data)
    for place, change in changes:
        at = place % (len(changed) + 1)
        if isinstance(change, bytes):
            changed[at : at + 1] = change
        elif at < len(changed):
            changed[at] = change
    return bytes(changed)


def read_or_refuse(path: Path, read) -> None:
    parts = []
    with contextlib.suppress(UnreadableMeshError):
        parts = read(path, MeshFolder(path.parent), Losses())
    if parts:
        mesh = join(parts)
        assert mesh.faces.min() >= 0
        assert mesh.faces.max() < len(mesh.vertices)
        assert np.isfinite(mesh.colors).all()


@SOME
@given(st.lists(st.tuples(st.sampled_from(PLACES), odd_values), min_size=1, max_size=3))
def test_headers_with_odd_values(tmp_path: Path, changes: list) -> None:
    header = copy.deepcopy(RICH.header)
    header["buffers"] = [{"byteLength": len(RICH.binary)}]
    header["scenes"] = [{"nodes": [0, 1]}]
    for path, value in changes:
        target = header
        try:
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = value
        except (IndexError, KeyError, TypeError):
            continue  # an earlier change took it away
    (tmp_path / "m.glb").write_bytes(glb(header, bytes(RICH.binary)))
    read_or_refuse(tmp_path / "m.glb", read_gltf)


@SOME
@given(edits)
def test_damaged_glb_files(tmp_path: Path, changes: list) -> None:
    header = RICH.header | {"buffers": [{"byteLength": len(RICH.binary)}], "scenes": [{"nodes": [0, 1]}]}
    (tmp_path / "m.glb").write_bytes(damaged(glb(header, bytes(RICH.binary)), changes))
    read_or_refuse(tmp_path / "m.glb", read_gltf)


@SOME
@given(edits, edits, edits)
def test_damaged_wavefront_files(tmp_path: Path, geometry: list, materials: list, picture: list) -> None:
    (tmp_path / "m.obj").write_bytes(damaged(OBJ, geometry))
    (tmp_path / "m.mtl").write_bytes(damaged(MTL, materials))
    (tmp_path / "m.png").write_bytes(damaged(PNG, picture))
    read_or_refuse(tmp_path / "m.obj", read_obj)


@SOME
@given(st.binary(max_size=200))
def test_bytes_that_are_no_mesh(tmp_path: Path, data: bytes) -> None:
    for name, read in (("m.glb", read_gltf), ("m.gltf", read_gltf), ("m.obj", read_obj)):
        (tmp_path / name).write_bytes(data)
        read_or_refuse(tmp_path / name, read)
