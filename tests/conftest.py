"""Fixtures shared by the tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real test data, or a skip when this machine does not have it."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("TRIPTYCH_TEST_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real test data not found at {folder}; set TRIPTYCH_TEST_DATA to its folder")
    return folder
