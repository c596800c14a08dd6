"""A category of your own, from meshes to a picture of never-seen scenes: vases, thrown here on a potter's wheel.

    python examples/04_your_own_category.py                      # a few minutes on two cores
    python examples/04_your_own_category.py --meshes MY_MESHES   # glb, gltf or obj files of your own

Stage 1 is the preset `quick`, with small pictures, so that it ends in minutes. For good scenes take more of them, the
preset `best`, and an hour.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import trimesh
import tyro

import triptych


def throw_vases(folder: Path, count: int) -> None:
    """Write vases as glb files: a random outline turned around the upright axis, in two random colors."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        generator = np.random.default_rng(index)
        height = np.linspace(0, 1, 40)
        swings = generator.uniform([-0.06, -0.06, -0.04], [0.14, 0.08, 0.05])
        waves = np.sin(np.pi * height[:, None] * [1, 2, 3])
        radius = np.maximum(0.15 + waves @ swings, 0.04)
        # An outline that begins and ends on the axis is a closed body.
        outline = np.array([(0, 0), *zip(radius, height, strict=True), (0, 1)])
        vase = trimesh.creation.revolve(outline, sections=48)
        colors = generator.uniform(30, 230, (2, 4)).astype(np.uint8)
        colors[:, 3] = 255
        low, high = np.sort(generator.uniform(0.15, 0.85, 2))
        in_band = (low < vase.vertices[:, 2]) & (vase.vertices[:, 2] < high)
        vase.visual = trimesh.visual.ColorVisuals(vase, vertex_colors=colors[in_band.astype(int)])
        vase.export(folder / f"vase_{index:02d}.glb")


def main(
    out: Path = Path("runs/examples/category"),
    meshes: Path | None = None,
    scenes: int = 30,
    views: int = 32,
    resolution: int = 64,
    length: float = 3.0,
) -> None:
    """Train a category model on meshes and fit some that it has never seen.

    Args:
        out: folder for everything; rerun to go on after a stop.
        meshes: folder of your meshes; vases are made if not given.
        scenes: number of vases.
        views: pictures of each mesh.
        resolution: side of the pictures in pixels.
        length: length of stage 1, as a multiple of the preset's.
    """
    # The up axis matters: glTF says y, and our vases were turned around z.
    up = "y"
    if meshes is None:
        meshes, up = out / "meshes", "z"
        throw_vases(meshes, scenes)

    # Many small pictures of every mesh from the upper hemisphere, over a transparent background.
    triptych.render_meshes(meshes, out / "data", views=views, resolution=resolution, up=up)
    # Look before you train: problems file by file, a plot of the cameras, a contact sheet.
    triptych.inspect_dataset(out / "data", out / "inspect")
    data = triptych.open_dataset(out / "data", test_views=4, cache=out / "cache")

    # Stage 1 sees the scenes of the split "train" and never the others.
    quick = triptych.STAGE1["quick"]
    settings = replace(
        quick,
        pretraining=replace(quick.pretraining, epochs=length * quick.pretraining.epochs),
        warmup=quick.warmup.longer(length),
        joint=quick.joint.longer(length),
    )
    model = triptych.train(data.select("train"), out / "run", settings)

    # Stage 2: every further scene costs seconds, and no earlier one changes.
    # Forced: even a much shorter run keeps every scene, so that the mean below counts all of them.
    new = data.select("test")
    vases = triptych.fit(model, new, out / "bank", force=True)

    # The picture, and numbers that mean something: views that were used for nothing so far.
    evaluation = triptych.evaluate(vases, new, out / "evaluation", with_lpips=False)
    print(evaluation.markdown())
    print(f"look at {out / 'evaluation' / 'comparison.png'}")


if __name__ == "__main__":
    tyro.cli(main)
