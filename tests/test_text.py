"""Names of any kind stay one line of a terminal, one cell of a table, plain words of a page and of a picture."""

import csv
import html.parser
import re
from pathlib import Path

import pytest
import torch
from names import NAMES, PROGRAM, bank_of_names
from PIL import Image

from triptych import Orbit, open_scenes
from triptych.cli.options import say
from triptych.data.inspection.contact_sheet import write_tiles
from triptych.evaluation.evaluate import Evaluation
from triptych.evaluation.pictures import Comparison, write_comparison
from triptych.evaluation.report import Report
from triptych.experiments.tables import Table
from triptych.export import write_images, write_planes
from triptych.progress import Progress
from triptych.text import markdown_cell, one_line

SURROGATE = "\udcff not UTF-8"
ALL_NAMES = (*NAMES, SURROGATE)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("car_00001", "car_00001"),
        ("日本語 🚗 é", "日本語 🚗 é"),
        ("क्\u200dष", "क्\u200dष"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x1b[31m", r"\x1b[31m"),
        ("\x9b31m\x00\x7f", r"\x9b31m\x00\x7f"),
        ("\u202e\u2066\u2028", r"\u202e\u2066\u2028"),
        (SURROGATE, r"\udcff not UTF-8"),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


def test_a_cell_of_a_table_is_one_cell() -> None:
    rows = {name: {"psnr": 20.0, "bytes": 1.0} for name in ALL_NAMES}
    table, _, _ = Evaluation(rows, []).markdown().partition("\n\n")
    lines = table.strip().split("\n")
    assert len(lines) == len(ALL_NAMES) + 3
    for line in lines:
        assert len(re.findall(r"(?<!\\)\|", line)) == 4
        assert not re.search(r"(?<!\\)[`\[$]|<|\x1b", line)
    assert "| car\\_ |" in Evaluation({"car_": {"psnr": 1.0}}, []).markdown()
    assert markdown_cell("car_00001") == "car_00001"


def test_a_table_of_values_comes_back() -> None:
    table = Table(["name", "a"], [[name, "1"] for name in NAMES])
    assert [row[0] for row in csv.reader(table.csv().splitlines(keepends=True))] == ["name", *NAMES]


class _Words(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def test_a_page_shows_names_letter_by_letter(tmp_path: Path) -> None:
    page = Report(PROGRAM)
    page.heading(PROGRAM)
    page.text(SURROGATE)
    page.table(["name"], [[name] for name in ALL_NAMES], PROGRAM)
    page.picture(b"", PROGRAM, PROGRAM)
    page.command(PROGRAM, PROGRAM)
    page.write(tmp_path / "report.html")
    found = _Words()
    found.feed((tmp_path / "report.html").read_text())
    assert not found.tags & {"script", "a"}
    assert {one_line(name) for name in ALL_NAMES} <= set(found.words)
    assert found.words.count(PROGRAM) == 8  # title, head, heading, cell, two captions, command and what it is for


def test_pictures_are_labeled_with_any_name(tmp_path: Path) -> None:
    picture, latent, plane = torch.rand(3, 8, 8), torch.rand(4, 4, 4), torch.rand(4, 4)
    names = [*ALL_NAMES, "$\\frac{", "n" * 300]
    write_comparison(
        tmp_path / "comparison.png",
        [Comparison(name, picture, picture, latent, latent, plane, plane) for name in names],
    )
    write_tiles([Image.new("RGB", (20, 20))] * len(names), names, tmp_path / "sheet.png")
    for file in ("comparison.png", "sheet.png"):
        with Image.open(tmp_path / file) as image:
            image.verify()


def test_a_terminal_is_told_names_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        for name in ALL_NAMES:
            progress.note(f"skipped {name}")
        progress.start("[red]phase[/red]", 1)
    say(*(f"wrote {name}" for name in ALL_NAMES))
    said = capsys.readouterr()
    assert said.out.splitlines() == [f"wrote {one_line(name)}" for name in ALL_NAMES]
    for name in ALL_NAMES:
        assert f"skipped {one_line(name)}" in said.err
    assert "[red]phase[/red] 0/1" in said.err
    assert "\x1b[31m" not in said.err


def test_scenes_of_any_name_leave_a_bank_and_stay_in_their_folder(trained_balls: Path, tmp_path: Path) -> None:
    bank_of_names(tmp_path / "bank", trained_balls)
    scenes = open_scenes(tmp_path / "bank", trained_balls)
    assert set(scenes) == set(NAMES)
    write_images(tmp_path / "exports" / "images", scenes, scenes.model.along(Orbit(2)))
    write_planes(tmp_path / "exports" / "planes.npz", scenes)
    assert {entry.name for entry in tmp_path.iterdir()} == {"bank", "exports"}
    assert {entry.name for entry in (tmp_path / "exports").iterdir()} == {"images", "planes.npz"}
    assert len(list((tmp_path / "exports" / "images").glob("*/transforms.json"))) == len(NAMES)
