"""The citation names the version that is released."""

from pathlib import Path

import triptych


def test_the_citation_has_the_version_of_the_package() -> None:
    citation = (Path(__file__).resolve().parents[1] / "CITATION.cff").read_text()
    assert f"\nversion: {triptych.__version__}\n" in citation
