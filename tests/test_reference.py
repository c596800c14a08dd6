"""The reference pages of the documentation, which are written from the code, name all that the command line takes."""

import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import pytest

from triptych.cli import main
from triptych.training.config import Stage1Config, Stage2Config
from triptych.training.presets import STAGE1, STAGE2

FLAG = re.compile(r"(?<![\w-])--[a-z][\w.-]*")


@pytest.fixture
def reference(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).resolve().parents[1] / "docs")
    import reference

    return reference


def help_of(arguments: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "250")
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    return re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)


def subcommands(text: str) -> list[str]:
    listed = re.search(r"\{([\w,-]+)\}", text)
    return listed[1].split(",") if listed and "subcommands" in text else []


KINDS = {
    "train": tuple(("--autoencoder.kind", kind) for kind in ("convolutional", "pretrained", "installed")),
    "single": tuple(("--kind", kind) for kind in ("triplanes", "sdf", "installed")),
}
"""What a part of a command's settings can be besides the default; each has options of its own."""


def test_every_command_and_every_option_of_help_is_there(
    reference: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, settings = reference.command_page(), reference.configuration_page()
    first = subcommands(help_of([], capsys, monkeypatch))
    assert {"data", "train", "fit", "eval", "export", "demo", "bench", "quality"} <= set(first)
    for name in first:
        text = help_of([name], capsys, monkeypatch)
        for words in [[name, below] for below in subcommands(text)] or [[name]]:
            if len(words) > 1:
                text = help_of(words, capsys, monkeypatch)
            _, heading, section = page.partition(f"\n## triptych {' '.join(words)}\n")
            assert heading, words
            section = section.partition("\n## ")[0]
            expected = set(FLAG.findall(text)) - {"--help"}
            found = set(FLAG.findall(section))
            for option, kind in KINDS.get(name, ()):
                expected |= set(FLAG.findall(help_of([name, option, kind], capsys, monkeypatch))) - {"--help"}
            if name in ("train", "fit"):
                title = "## Stage 1" if name == "train" else "## Stage 2"
                found |= set(FLAG.findall(settings.partition(title)[2].partition("\n## ")[0]))
            assert found == expected, words


def leaves(cls: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    hints = get_type_hints(cls)
    for field in dataclasses.fields(cls):
        here = (*path, field.name)
        members = get_args(hints[field.name]) or (hints[field.name],)
        if all(dataclasses.is_dataclass(member) for member in members):
            for member in members:
                yield from leaves(member, path if field.name == "network" else here)
        else:
            yield here


@pytest.mark.parametrize(("config", "title"), [(Stage1Config, "## Stage 1"), (Stage2Config, "## Stage 2")])
def test_every_setting_of_a_stage_is_there_with_its_explanation(
    config: type, title: str, reference: ModuleType
) -> None:
    section = reference.configuration_page().partition(title)[2].partition("\n## ")[0]
    for path in leaves(config):
        flag = "--" + ".".join(part.replace("_", "-") for part in path)
        row = next((line for line in section.splitlines() if line.startswith((f"| `{flag}`", f"| `{flag},"))), None)
        assert row is not None, flag
        assert len(row.split(" | ")[-1].strip(" |")) > 3, row


def test_defaults_are_those_of_the_presets(reference: ModuleType) -> None:
    page = reference.configuration_page()
    epochs = [STAGE1[preset].joint.epochs for preset in STAGE1]
    assert f"| `--joint.epochs` | {' | '.join(f'{value:g}' for value in epochs)} |" in page
    views = [STAGE2[preset].latent.batch for preset in STAGE2]
    assert f"| `--latent.batch` | {' | '.join(map(str, views))} |" in page
