"""Every public name of Python is on a page of the documentation, with a line that says what it is."""

import importlib
from pathlib import Path
from types import ModuleType

import pytest

import triptych


@pytest.fixture
def public_names(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1] / "docs")
    import public_names

    return public_names


def test_every_public_name_is_described_once(public_names: ModuleType) -> None:
    page = public_names.names_page()
    for package in ("triptych", "triptych.data", "triptych.geometry", "triptych.bank", "triptych.autoencoder"):
        section = page.partition(f"\n## {package}\n")[2].partition("\n## ")[0]
        for name in importlib.import_module(package).__all__:
            assert f"| [`{name}`][triptych." in section, (package, name)
    entries = [line for line in page.splitlines() if line.startswith("::: ")]
    assert len(entries) == len(set(entries))
    assert {f"::: triptych.{name}" for name in triptych.__all__} <= set(entries)


def test_every_public_name_says_what_it_is(public_names: ModuleType) -> None:
    silent = [
        f"{package}.{one.name}"
        for package, found in public_names.sections().items()
        for one in found
        if not one.meaning
    ]
    assert silent == []
