"""The notebooks run from the first cell to the last, at small sizes, and show pictures."""

from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
SMALL = {
    "the_paper_in_ten_minutes": {"scenes": 8, "views": 8, "resolution": 32, "length": 0.1, "length_of_fits": 0.1},
    "your_own_objects": {"scenes": 4, "views": 8, "resolution": 32, "length": 0.1, "length_of_fits": 0.1},
}
PICTURES = {"the_paper_in_ten_minutes": 7, "your_own_objects": 4}


def with_parameters(notebook: Any, **values: object) -> Any:
    """A notebook whose parameters are set once more, behind the cell that sets them."""
    (place,) = (number for number, cell in enumerate(notebook.cells) if "parameters" in cell.metadata.get("tags", ()))
    lines = "\n".join(f"{name} = {value!r}" for name, value in values.items())
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(lines))
    return notebook


def test_every_notebook_is_run_and_named_on_the_page() -> None:
    notebooks = {file.stem for file in EXAMPLES.glob("*.ipynb")}
    assert notebooks == SMALL.keys()
    page = (EXAMPLES.parent / "docs" / "examples.md").read_text()
    assert all(f"../examples/{name}.ipynb" in page for name in notebooks)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("name", SMALL)
def test_a_notebook_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    notebook = nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    with_parameters(notebook, folder=str(tmp_path / "runs"), **SMALL[name])
    nbclient.NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    ).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output for output in shown if "image/png" in output.get("data", {})]
    assert len(pictures) == PICTURES[name]
    assert sum("text/markdown" in output.get("data", {}) for output in shown) == 1
