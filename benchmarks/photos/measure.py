"""What errors of photographs cost: rendered objects are photographed with known errors, imported and compared.

    python benchmarks/photos/measure.py TRUTH SCRATCH [--objects 6] [--model MODEL] [--exposure note]

TRUTH is what `triptych data render MESHES TRUTH --resolution 256 --views 24 --extent 0.8 --no-fit` writes. SCRATCH
keeps photographs, datasets and banks. Prints one row of a Markdown table for each kind of error. With a model, objects
are fitted, too, and rendered from where their held-out pictures were really taken.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import tyro
from photographs import Errors, mask_iou, over_white, photograph, truth_of

from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.photos import PhotosConfig, import_photos
from triptych.data.photos.retaking import Taken, retake
from triptych.data.pictures import read_rgba
from triptych.geometry import Cameras
from triptych.geometry.similarity import Similarity

KINDS = {
    "none": Errors(),
    "poses 0.5 degrees": Errors(poses=0.5),
    "poses 1 degree": Errors(poses=1.0),
    "poses 2 degrees": Errors(poses=2.0),
    "exposure 0.8 to 1.25": Errors(gains=1.25),
    "masks 2 pixels too small": Errors(masks=-2),
    "masks 2 pixels too large": Errors(masks=2),
    "masks off by -2 to 2 pixels": Errors(masks=None),
    "all: 0.5 degrees, 0.8 to 1.25, -2 to 2 pixels": Errors(0.5, 1.25, None),
}
EXTENT = 0.8


@dataclass(frozen=True)
class Alignment:
    """How an imported object stands to the truth: the similarity from the truth into the dataset."""

    scale: float
    rotation: np.ndarray
    shift: np.ndarray

    @property
    def turn(self) -> float:
        """Degrees about z."""
        return math.degrees(math.atan2(self.rotation[1, 0] - self.rotation[0, 1], np.trace(self.rotation[:2, :2])))

    def tilt(self) -> float:
        """Degrees by which z is off."""
        return math.degrees(math.acos(min(1.0, self.rotation[2, 2])))


def main(
    truth: tyro.conf.Positional[Path],
    scratch: tyro.conf.Positional[Path],
    objects: int = 6,
    model: Path | None = None,
    only: tuple[str, ...] = (),
    exposure: Literal["compensate", "note"] = "compensate",
) -> None:
    """Measure.

    Args:
        truth: rendered dataset.
        scratch: folder for everything.
        objects: how many of its objects.
        model: category model to fit with.
        only: the kinds of errors; all if not given.
        exposure: what to do about it.
    """
    names = sorted(folder.name for folder in truth.iterdir() if (folder / "transforms.json").is_file())[:objects]
    print(
        "| errors | mask IoU | tilt | turn | scale | center | gains | PSNR |\n|---|---|---|---|---|---|---|---|",
        flush=True,
    )
    config = PhotosConfig(extent=EXTENT, test_fraction=1.0, exposure=exposure)
    for kind in only or KINDS:
        folder = scratch / kind.replace(" ", "_")
        print(f"| {kind} | {measure(truth, folder, names, KINDS[kind], config, model)} |", flush=True)


def measure(
    truth: Path, scratch: Path, names: list[str], errors: Errors, config: PhotosConfig, model: Path | None
) -> str:
    """The other cells of a row."""
    scenes = {name: truth_of(truth, name) for name in names}
    for number, (name, scene) in enumerate(scenes.items()):
        if not (scratch / "photos" / name).exists():
            photograph(scene, scratch / "photos" / name, errors, seed=100 + number)
    import_photos(scratch / "photos", scratch / "data", config)
    stands = {name: stand(scene, truth_of(scratch / "data", name)) for name, scene in scenes.items()}
    common = commonest_turn([found.turn for found in stands.values()])
    turns = [abs((found.turn - common + 180) % 360 - 180) for found in stands.values()]
    masks = [mask_iou(scene, scratch / "photos" / name) for name, scene in scenes.items()]
    gains = [gain_error(scene, scratch / "data" / name) for name, scene in scenes.items()]
    cells = [
        f"{np.mean(masks):.3f}",
        f"{np.mean([found.tilt() for found in stands.values()]):.2f}°",
        f"{np.median(turns):.1f}°, {sum(turn > 30 for turn in turns)} of {len(turns)} wrong",
        f"{100 * np.mean([found.scale - 1 for found in stands.values()]):+.1f} ± "
        f"{100 * np.std([found.scale for found in stands.values()]):.1f} %",
        f"{100 * np.mean([np.linalg.norm(found.shift) for found in stands.values()]) / EXTENT:.1f} %",
        f"{100 * np.mean(gains):.1f} %",
    ]
    return " | ".join([*cells, "" if model is None else psnr(scenes, scratch, stands, model)])


def stand(scene: ParsedScene, imported: ParsedScene) -> Alignment:
    """The similarity that carries the true places of the cameras nearest to those in the dataset (Umeyama 1991)."""
    start, end = scene.c2w[:, :, 3], imported.c2w[:, :, 3]
    assert len(start) == len(end), "pictures were left out"
    a, b = start - start.mean(axis=0), end - end.mean(axis=0)
    u, _, vt = np.linalg.svd(b.T @ a)
    rotation = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    scale = float((b * (a @ rotation.T)).sum() / (a**2).sum())
    return Alignment(scale, rotation, end.mean(axis=0) - scale * rotation @ start.mean(axis=0))


def commonest_turn(turns: list[float]) -> float:
    """The turn to which most are near."""
    away = [[abs((turn - other + 180) % 360 - 180) for other in turns] for turn in turns]
    near = [other for other, distance in zip(turns, min(away, key=sorted), strict=True) if distance < 30]
    return math.degrees(np.angle(np.mean(np.exp(1j * np.radians(near)))))


def true_view(scene: ParsedScene, view: int, found: Alignment, like: Cameras) -> tuple[Cameras, np.ndarray]:
    """A camera of the dataset as it really stood, and the picture that it should have given, over white."""
    carried = Similarity(found.scale, torch.from_numpy(found.rotation), torch.from_numpy(found.shift))
    c2w = carried.cameras(Cameras(torch.from_numpy(scene.c2w[[view]]), like.intrinsics, 1, 1)).c2w
    # The crop of the dataset, taken from the true place: where it looks does not matter.
    aimed = torch.cat([like.c2w[:, :, :3].double(), c2w[:, :, 3:]], dim=2)
    taken = Taken(c2w[0, :, :3].numpy(), scene.intrinsics[view])
    wanted = Taken(aimed[0, :, :3].numpy(), like.intrinsics[0].double().numpy())
    rgba = retake(read_rgba(Path(scene.files[view])), taken, wanted, (like.height, like.width)).rgba
    return Cameras(aimed.float(), like.intrinsics, like.height, like.width), over_white(rgba)


def gain_error(scene: ParsedScene, folder: Path) -> float:
    """By what share the lightness of an object's pictures is off, after one factor for all (standard deviation)."""
    ratios = []
    for view, file in enumerate(scene.files):
        true, given = read_rgba(Path(file)), read_rgba(folder / "rgba" / f"{view:03d}.png")
        ratios.append(math.log(light(given) / light(true)))
    return float(np.std(ratios))


def light(rgba: np.ndarray) -> float:
    """Mean of the object's pixels."""
    return float(rgba[rgba[..., 3] == 255][:, :3].mean())


def psnr(scenes: dict[str, ParsedScene], scratch: Path, stands: dict[str, Alignment], model: Path) -> str:
    """Of fitted objects, from where their held-out pictures were really taken."""
    import triptych

    data = triptych.open_dataset(scratch / "data", cache=scratch / "cache")
    bank = triptych.fit(triptych.CategoryModel.load(model), data, scratch / "bank")
    numbers = []
    for number, name in enumerate(data.names):
        for view in data.views(number).test:
            camera, expected = true_view(scenes[name], view, stands[name], data.cameras(number)[[view]])
            image = triptych.render(bank[name], camera).images[0].permute(1, 2, 0).clamp(0, 1).numpy()
            numbers.append(-10 * math.log10(float(((image - expected) ** 2).mean())))
    return f"{np.mean(numbers):.2f}"


if __name__ == "__main__":
    tyro.cli(main)
