"""What is never part of the data."""

import pytest

from triptych.files import is_clutter


@pytest.mark.parametrize(
    "name", [".DS_Store", "._car.png", ".hidden", "__MACOSX", "Thumbs.db", "THUMBS.DB", "desktop.ini"]
)
def test_what_file_managers_leave_behind_is_clutter(name: str) -> None:
    assert is_clutter(name)


@pytest.mark.parametrize("name", ["car", "car.png", "thumbs", "_car", "macosx"])
def test_data_is_not(name: str) -> None:
    assert not is_clutter(name)
