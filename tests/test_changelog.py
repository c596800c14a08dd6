"""The changelog tells of the version that is released, and has room for what comes after it."""

import re
from pathlib import Path

import triptych


def test_the_newest_version_of_the_changelog_is_that_of_the_package() -> None:
    changelog = (Path(__file__).resolve().parents[1] / "CHANGELOG.md").read_text(encoding="utf-8")
    headings = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert re.fullmatch(rf"{re.escape(triptych.__version__)} - \d{{4}}-\d{{2}}-\d{{2}}", headings[1])
