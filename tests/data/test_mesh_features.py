"""Every feature of mesh files is drawn right, named or refused, and the docs say which."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawing import quadrants, read
from mesh_features import CASES, Case, draco, meshopt

from triptych.data.generators.meshes.folder import MeshFolder
from triptych.data.generators.meshes.loading import load_mesh
from triptych.data.generators.meshes.problems import UnreadableMeshError

DOCS = Path(__file__).parents[2] / "docs" / "meshes.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.build.__name__)
def test_feature(case: Case, tmp_path: Path) -> None:
    path = case.build(tmp_path)
    if case.skipped:
        with pytest.raises(UnreadableMeshError, match=case.skipped):
            load_mesh(path, MeshFolder(tmp_path))
        return
    mesh = load_mesh(path, MeshFolder(tmp_path))
    assert len(mesh.without) == bool(case.without)
    assert re.search(case.without, " ".join(mesh.without))
    assert case.faces in (None, len(mesh.faces))
    if case.bounds is not None:
        np.testing.assert_allclose(mesh.bounds(), case.bounds, atol=2e-4 * np.abs(case.bounds).max())
    if case.colors is not None:
        expected = np.broadcast_to(np.asarray(case.colors, float), (4, len(np.atleast_2d(case.colors)[0])))
        found = quadrants(path, lit=case.lit)
        seen = found[:, 3] > 0
        np.testing.assert_allclose(found[seen, : expected.shape[1]], expected[seen], atol=0.012)
        np.testing.assert_allclose(found[:, 3], expected[:, 3] if expected.shape[1] == 4 else 1, atol=0.01)


@pytest.mark.parametrize(("build", "library"), [(draco, "DracoPy"), (meshopt, "meshoptimizer")])
def test_without_its_library_a_compressed_mesh_is_named_with_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: Callable[[Path], Path], library: str
) -> None:
    path = build(tmp_path)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UnreadableMeshError, match=r'compressed with .*pip install "triptych\[compression\]"'):
        load_mesh(path, MeshFolder(tmp_path))


def test_the_table_in_the_docs_says_what_the_cases_say() -> None:
    told: dict[tuple[str, str], str] = {}
    heading = ""
    for line in DOCS.read_text(encoding="utf-8").splitlines():
        heading = line[4:] if line.startswith("### ") else heading
        row = re.fullmatch(r"\| (.+) \| (drawn|skipped)(.*) \|", line)
        if row:
            told[heading, row[1]] = row[2] + row[3]
    assert told == {(case.group, case.feature): case.outcome for case in CASES}


def test_cases_of_one_feature_have_one_outcome() -> None:
    outcomes = {(case.group, case.feature, case.outcome) for case in CASES}
    assert len(outcomes) == len({(case.group, case.feature) for case in CASES})


def test_an_exported_mesh_comes_back_in_its_colors(tmp_path: Path) -> None:
    trimesh = pytest.importorskip("trimesh")
    from triptych.export import write_mesh

    square = trimesh.Trimesh([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], [[0, 1, 2], [0, 2, 3]], process=False)
    square.visual = trimesh.visual.ColorVisuals(square, vertex_colors=np.tile([128, 60, 200, 255], (4, 1)))
    write_mesh(tmp_path / "square.glb", square)
    np.testing.assert_allclose(
        quadrants(tmp_path / "square.glb", lit=False), np.tile([128, 60, 200, 255], (4, 1)) / 255, atol=0.003
    )
    assert read(tmp_path / "square.glb").without == ()
