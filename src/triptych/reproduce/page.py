"""What a category's experiments show, as files, and one self-contained page about all categories."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from triptych.data.posed_views import PosedViews
from triptych.evaluation.report import Report
from triptych.export import write_video
from triptych.files import read_json, write_json, write_text
from triptych.reproduce.experiments import Experiment
from triptych.reproduce.figures import (
    comparison_figure,
    cost_against_scenes,
    latent_figure,
    latent_video_frames,
    quality_against_time,
    write_figure,
)
from triptych.reproduce.measuring import Numbers, Workshop, exploit_scene
from triptych.reproduce.tables import Table, break_even_numbers, cost_table, quality_table, shared_table

COST_SCENES = 1000
"""N_exploit in the effective costs of Table 1."""
_SHOWN_SCENES = 4
_TABLES = {
    "table2": "Table 2: quality on test views of train scenes and of exploit scenes",
    "table1": "Table 1: cost of a scene",
    "shared": "What all scenes share",
}
_FIGURES = {
    "figure3": "Figure 3: latents of a test view, encoded and rendered, channel by channel.",
    "figure6": "Figure 6: test PSNR of exploit scenes against the seconds that each takes.",
    "figure7": "Figure 7: total time and memory. Point: measured; dashed: extrapolated; dotted: ours gets cheaper.",
    "figure8": "Figure 8: test views of exploit scenes, never seen by stage 1.",
}
_VIDEOS = {
    "latents_plain": "A scene in a latent space that is not 3D-aware, and what the decoder makes of it.",
    "latents_ours": "The same scene in the 3D-aware latent space.",
}


def write_category(
    folder: Path,
    methods: Mapping[str, Experiment],
    results: Mapping[str, Numbers],
    budgets: Mapping[str, Sequence[Numbers]],
    shop: Workshop,
) -> None:
    """Write the tables (Markdown, CSV), figures (PNG, SVG) and videos of what was measured."""
    titles = {name: method.title for name, method in methods.items()}
    _write_table(folder / "table2", quality_table(results, titles))
    if {"rgb", "ours"} <= results.keys():
        _write_table(folder / "table1", cost_table(results, titles, COST_SCENES))
        _write_table(folder / "shared", shared_table(results["ours"]))
        write_json(folder / "break_even.json", break_even_numbers(results))
        write_figure(cost_against_scenes(results, titles, len(shop.new)), folder / "figure7.png")
    if budgets:
        write_figure(quality_against_time(budgets, titles), folder / "figure6.png")
    _write_pictures(folder, methods, titles, shop)


def _write_table(path: Path, table: Table) -> None:
    write_text(path.with_suffix(".md"), table.markdown())
    write_text(path.with_suffix(".csv"), table.csv())


def _write_pictures(folder: Path, methods: Mapping[str, Experiment], titles: Mapping[str, str], shop: Workshop) -> None:
    views = PosedViews(shop.new, "test")
    truth, found = [], {titles[name]: [] for name in methods}
    for number, scene_name in enumerate(shop.new.names[:_SHOWN_SCENES]):
        batch = views.group(views.rows_of(number)[:1])
        camera = views.cameras(batch, torch.device("cpu"))
        truth.append(views.images(batch, torch.device("cpu"))[0])
        for name, method in methods.items():
            scene = exploit_scene(method, folder / name, scene_name)
            found[titles[name]].append(scene.render(camera).images[0])
            if number == 0 and f"latents_{name}" in _VIDEOS:
                write_video(folder / f"latents_{name}.mp4", latent_video_frames(scene))
    write_figure(comparison_figure(truth, found), folder / "figure8.png")
    latent = {name: methods[name] for name in ("ours", "plain") if name in methods}
    if latent:
        batch = views.group(views.rows_of(0)[:1])
        scenes = {
            titles[name]: exploit_scene(method, folder / name, shop.new.names[0]) for name, method in latent.items()
        }
        figure = latent_figure(truth[0], views.cameras(batch, torch.device("cpu")), scenes)
        write_figure(figure, folder / "figure3.png")


def write_page(out: Path, categories: Sequence[str], about: Mapping[str, Any]) -> Path:
    """Write ``tables.json`` with every number, and ``report.html`` with everything inside.

    Returns:
        The page.
    """
    measured = {name: read_json(out / name / "measured.json") for name in categories}
    for name, numbers in measured.items():
        even = out / name / "break_even.json"
        numbers["break_even_scenes"] = read_json(even) if even.exists() else None
    write_json(out / "tables.json", {"categories": measured, "about": dict(about)})
    page = Report("The results of the slides, made anew with triptych")
    page.text(
        "Schnepf, Kassab et al., Exploring 3D-aware Latent Spaces for Efficiently Learning Numerous Scenes (CVPR 3DMV "
        "2024). Train scenes are learned in stage 1, exploit scenes in stage 2; all qualities are means over views "
        "that no scene was fitted to. The published numbers are of other data (ShapeNet cars) on a GPU: compare their "
        "order and their ratios."
    )
    for name in categories:
        _category_on(page, out / name)
    page.heading("How it was made")
    made = {key: value for key, value in about.items() if key != "config"}
    page.table(["", ""], [[key, str(value)] for key, value in {**about["config"], **made}.items()])
    page.write(out / "report.html")
    return out / "report.html"


def _category_on(page: Report, folder: Path) -> None:
    page.heading(folder.name)
    for name, title in _TABLES.items():
        file = folder / f"{name}.csv"
        if file.exists():
            head, *rows = csv.reader(file.read_text().splitlines())
            page.text(title)
            page.table(head, rows)
    for name, caption in _FIGURES.items():
        file = folder / f"{name}.png"
        if file.exists():
            page.picture(file, caption)
    for name, caption in _VIDEOS.items():
        file = folder / f"{name}.mp4"
        if file.exists():
            page.video(file, caption)
