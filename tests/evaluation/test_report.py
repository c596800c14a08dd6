"""The page of a report as browsers, screen readers and keyboards meet it."""

import html.parser
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from triptych.evaluation.evaluate import Evaluation
from triptych.evaluation.pictures import Comparison, write_comparison
from triptych.evaluation.report import Report
from triptych.experiments.demo_page import write_demo_page
from triptych.pictures import write_progress_picture

SCENES = {f"car_{number}": {"psnr": 30.0 + number, "ssim": 0.9, "bytes": 2048.0} for number in range(3)}
METRICS = {
    "scenes_stage1": 2,
    "scenes_stage2": 3,
    "seconds_per_new_scene": 1.5,
    "bytes_per_new_scene": 2048.0,
    "share_of_preset": 0.4,
    "predicted": {},
    "seconds": {"dataset": 1.0, "video": 2.0},
}


class _Page(html.parser.HTMLParser):
    """Elements with their attributes, and the texts of some."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append((self.elements[-1][0] if self.elements else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    def said(self, tag: str) -> list[str]:
        return [text for name, text in self.texts if name == tag and text.strip()]


def demo_page(folder: Path) -> _Page:
    (folder / "evaluation_ours").mkdir(parents=True)
    for name in ("cars.png", "evaluation_ours/comparison.png"):
        Image.new("RGB", (8, 8)).save(folder / name)
    (folder / "orbit.mp4").write_bytes(b"video")
    evaluations = {"ours": Evaluation(SCENES, [])}
    return _Page(write_demo_page(folder, METRICS, evaluations, folder / "none", "my model").read_text())


def test_a_report_suits_phones_dark_rooms_and_screen_readers(tmp_path: Path) -> None:
    page = demo_page(tmp_path / "demo")
    assert page.all("html") == [{"lang": "en"}]
    assert {"name": "viewport", "content": "width=device-width, initial-scale=1"} in page.all("meta")
    assert "@media (prefers-color-scheme: dark)" in page.said("style")[0]
    assert len(page.all("img")) == 2
    assert all(image["alt"] for image in page.all("img"))
    assert page.all("video")[0]["aria-label"]
    assert len(page.said("caption")) == len(page.all("table")) == 2
    assert {head["scope"] for head in page.all("th")} == {"col", "row"}
    assert all(part["tabindex"] == "0" for part in page.all("div"))  # what scrolls is within the keyboard's reach


def test_the_demonstration_has_a_row_for_each_scene_and_says_what_comes_next(tmp_path: Path) -> None:
    folder = tmp_path / "my demo"
    page = demo_page(folder)
    rows = page.said("th")
    assert [row for row in rows if row.startswith("car_")] == list(SCENES)
    assert {"30.00", "31.00", "32.00"} <= set(page.said("td"))
    assert rows.count("mean") == 1
    commands = page.said("code")
    assert f"triptych view '{folder}/bank_ours' --model 'my model' --data '{folder}/cars'" in commands
    assert "triptych fit 'my model' MY_OBJECTS --out my_bank" in commands


def test_an_unnamed_column_is_no_heading(tmp_path: Path) -> None:
    report = Report("title")
    report.table(["", "value"], [["one", "1"]], "caption")
    report.write(tmp_path / "page.html")
    page = _Page((tmp_path / "page.html").read_text())
    assert page.said("th") == ["value", "one"]


def test_latents_of_all_scenes_have_one_color_scale(tmp_path: Path) -> None:
    """Two scenes whose latents are each of one value: alone, both would be drawn alike."""

    def scene(value: float) -> Comparison:
        picture, plane = torch.ones(3, 8, 8), torch.zeros(4, 4)
        latent = torch.full((3, 4, 4), value)
        return Comparison("scene", picture, picture, latent, latent, plane, plane)

    def middles(scenes: list[Comparison], **options: object) -> np.ndarray:
        write_comparison(tmp_path / "comparison.png", scenes, **options)  # type: ignore[arg-type]
        pixels = np.asarray(Image.open(tmp_path / "comparison.png").convert("RGB")).astype(int)
        rows = np.array_split(pixels, len(scenes))
        return np.array([row[row.shape[0] // 2, row.shape[1] * 7 // 12] for row in rows])

    dark, bright = middles([scene(0.0), scene(1.0)])
    assert dark.max() < 20
    assert bright.min() > 235
    (gray,) = middles([scene(1.0)], latent_range=(torch.zeros(3), torch.full((3,), 2.0)))
    assert abs(gray - 128).max() < 3


def test_latents_that_are_pictures_are_not_shown_twice(tmp_path: Path) -> None:
    picture, plane = torch.rand(3, 8, 8), torch.zeros(8, 8)

    def size(latent: torch.Tensor) -> tuple[int, int]:
        write_comparison(
            tmp_path / "comparison.png", [Comparison("one", picture, picture, latent, latent, plane, plane)]
        )
        with Image.open(tmp_path / "comparison.png") as written:
            return written.size

    assert size(picture)[0] == pytest.approx(size(1 - picture)[0] * 4 / 6, abs=1)

    def rows(latents: torch.Tensor) -> int:
        write_progress_picture(tmp_path / "progress.png", picture[None], picture[None], latents, latents)
        with Image.open(tmp_path / "progress.png") as written:
            return written.height // 8

    assert (rows(picture[None]), rows(1 - picture[None])) == (2, 4)
