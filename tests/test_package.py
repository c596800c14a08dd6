"""What a package index shows: links of the README that work there, and lead to files that are there."""

import re
from pathlib import Path

import pytest

import triptych

ROOT = Path(__file__).resolve().parents[1]


def test_links_of_the_readme_lead_to_files_of_the_released_version(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed")
    monkeypatch.syspath_prepend(ROOT)
    import hatch_build

    monkeypatch.setenv("TRIPTYCH_REPOSITORY", "https://example.org/triptych")
    home, version = hatch_build.repository(), triptych.__version__
    assert home == "https://example.org/triptych"
    shown = hatch_build.absolute((ROOT / "README.md").read_text(encoding="utf-8"), home, version)
    links = re.findall(r"(!?)\[[^]\[]*\]\(([^)]*)\)", shown)
    ours = [(mark, link) for mark, link in links if link.startswith(home)]
    assert len(ours) > 8
    assert all(link.startswith("https://") for _, link in links)
    for mark, link in ours:
        kind = "raw" if mark else "blob"
        assert (ROOT / link.removeprefix(f"{home}/{kind}/v{version}/").partition("#")[0]).is_file(), link
