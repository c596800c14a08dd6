"""What was measured on a category, as files, and one self-contained page about all categories."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from triptych.bank import Scene
from triptych.data.posed_views import PosedViews
from triptych.evaluation.report import Report
from triptych.experiments.curves import Curve
from triptych.experiments.methods import CPU, Method
from triptych.experiments.scene_sets import SceneSet
from triptych.experiments.slides.figures import (
    comparison_figure,
    cost_against_scenes,
    latent_figure,
    latent_video_frames,
    quality_against_time,
    write_figure,
)
from triptych.experiments.slides.tables import (
    Results,
    break_even_numbers,
    cost_table,
    quality_table,
    shared_table,
)
from triptych.experiments.tables import Table
from triptych.export import write_video
from triptych.files import read_json, write_json

EXPLOIT = "exploit"
"""Where the exploit scenes of a method are, in its folder."""
COST_SCENES = 1000
"""N_exploit in the effective costs of Table 1."""
_SHOWN_SCENES = 4
_TABLES = {
    "table2": "Table 2: quality on test views of train scenes and of exploit scenes",
    "table1": "Table 1: cost of a scene",
    "shared": "What all scenes share",
}
_FIGURES = {
    "figure3": "Figure 3: latents of a test view, encoded and rendered, channel by channel, all on one color scale.",
    "figure6": "Figure 6: test PSNR of exploit scenes against the seconds that each takes.",
    "figure7": "Figure 7: total time and memory. Point: measured; dashed: extrapolated; dotted: ours gets cheaper.",
    "figure8": "Figure 8: test views of exploit scenes, never seen by stage 1.",
}
_SHOWN = {
    "figure3": "Two rows per latent space, encoded and rendered: the picture, then each latent channel.",
    "figure6": "A rising curve per method: PSNR over seconds per scene. The numbers stand in measured.json.",
    "figure7": "Two plots with a curve each for ours and RGB tri-planes: total hours, total gigabytes over the scenes.",
    "figure8": "One row per scene: ground truth, then the rendering of each method.",
}
_VIDEOS = {
    "latents_plain": "A scene in a latent space that is not 3D-aware, and what the decoder makes of it.",
    "latents_ours": "The same scene in the 3D-aware latent space.",
}


@dataclass(frozen=True)
class Category:
    """One category with all that was measured on it.

    Attributes:
        folder: its folder, with one of each method in it.
        scenes: train and exploit scenes.
        methods: by name.
        results: by method.
        curves: quality against time, of some methods.
    """

    folder: Path
    scenes: SceneSet
    methods: Mapping[str, Method]
    results: Results
    curves: Mapping[str, Curve]


def exploit_scene(method: Method, folder: Path, name: str) -> Scene:
    """A scene that a method has fitted in its folder, to look at."""
    return method.fitted([name], folder / EXPLOIT)[0][name]


def write_category(category: Category) -> None:
    """Write numbers (JSON), tables (Markdown, CSV), figures (PNG, SVG) and videos of what was measured."""
    folder, results, curves = category.folder, category.results, category.curves
    numbers = {
        "experiments": {name: found.as_json() for name, found in results.items()},
        "budgets": {name: [point.as_json() for point in curve.points] for name, curve in curves.items()},
    }
    write_json(folder / "measured.json", numbers)
    quality_table(results).write(folder / "table2")
    if {"rgb", "ours"} <= results.keys():
        cost_table(results, COST_SCENES).write(folder / "table1")
        shared_table(results["ours"].costs).write(folder / "shared")
        write_json(folder / "break_even.json", break_even_numbers(results))
        write_figure(cost_against_scenes(results, len(category.scenes.new)), folder / "figure7.png")
    if curves:
        write_figure(quality_against_time(curves), folder / "figure6.png")
    _write_pictures(category)


def _write_pictures(category: Category) -> None:
    """Test views of a few exploit scenes by each method; of the first scene the latents too, and videos of them."""
    folder, new, views = category.folder, category.scenes.new, PosedViews(category.scenes.new, "test")
    batches = [views.group(views.rows_of(scene)[:1]) for scene in range(len(new))[:_SHOWN_SCENES]]
    target = [views.images(batch, CPU)[0] for batch in batches]
    cameras = [views.cameras(batch, CPU) for batch in batches]
    rendered, latent = {}, {}
    for name, method in category.methods.items():
        scenes = [exploit_scene(method, folder / name, scene) for scene in new.names[:_SHOWN_SCENES]]
        shown = zip(scenes, cameras, strict=True)
        rendered[method.title] = [scene.render(camera).images[0] for scene, camera in shown]
        if f"latents_{name}" in _VIDEOS:
            write_video(folder / f"latents_{name}.mp4", latent_video_frames(scenes[0]))
            latent[method.title] = scenes[0]
    write_figure(comparison_figure(target, rendered), folder / "figure8.png")
    if latent:
        write_figure(latent_figure(target[0], cameras[0], latent), folder / "figure3.png")


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
    page = Report("The results of the slides, reproduced with triptych")
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
    settings = {**about["config"], **made}
    page.table(["setting", "value"], [[key, str(value)] for key, value in settings.items()], "Settings and versions.")
    page.write(out / "report.html")
    return out / "report.html"


def _category_on(page: Report, folder: Path) -> None:
    page.heading(folder.name)
    for name, title in _TABLES.items():
        file = folder / f"{name}.csv"
        if file.exists():
            table = Table.read(file)
            page.table(table.columns, table.rows, title)
    for name, caption in _FIGURES.items():
        file = folder / f"{name}.png"
        if file.exists():
            page.picture(file, caption, _SHOWN[name])
    for name, caption in _VIDEOS.items():
        file = folder / f"{name}.mp4"
        if file.exists():
            page.video(file, caption)
