"""Views of scenes along a camera path, as a dataset."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from triptych.bank import Scene, Scenes
from triptych.data.formats.writer import scene_is_written, write_dataset_file, write_transforms
from triptych.data.generators.resumable import open_for_making
from triptych.errors import InputError
from triptych.export.config import Channel
from triptych.export.left_out import LeftOut
from triptych.files import atomic_directory, folder_name
from triptych.geometry import Cameras
from triptych.model import SceneViews
from triptych.pictures import as_pixels

CHANNELS_FILE = "channels.npz"
_VIEWS_AT_ONCE = 16


def write_images(
    out: str | Path,
    scenes: Scenes,
    cameras: Cameras,
    *,
    channels: Sequence[Channel] = (),
    on_scene: Callable[[str], object] = lambda name: None,
) -> None:
    """Render several scenes from the same cameras into a folder that is a dataset; run again, it continues.

    Each scene has a folder of its own name with ``000.png`` and so on over the model's background, their
    ``transforms.json``, and, if ``channels`` are asked for, ``channels.npz`` with float32 arrays: ``latents``
    [view, channel, row, column] (normalized), ``depth`` [view, row, column] (mean distance from the camera in world
    units, 0 where nothing is) and ``opacity`` [view, row, column], all at latent resolution.

    Args:
        out: a new or empty folder, or one to continue.
        scenes: scenes of a bank.
        cameras: at least two cameras, of any picture size.
        channels: what else to write.
        on_scene: told each name once it is written.

    Raises:
        InputError: there is no scene, there are fewer than two cameras, or the folder holds
            something else; or some scenes are damaged: the others are written.
    """
    out, left_out = Path(out), LeftOut(scenes)
    if len(cameras) < 2:
        raise InputError(f"images: {len(cameras)} camera(s); a scene of a dataset needs at least two")
    made_by = _made_by(scenes, cameras, channels)
    with open_for_making(out, made_by):
        for name in scenes:
            if not scene_is_written(out, folder_name(name)):
                with left_out.going_on():
                    _write_scene(out / folder_name(name), scenes[name], cameras, channels)
            on_scene(name)
        left_out.require_some()
        written = sorted(folder_name(name) for name in scenes.bank if scene_is_written(out, folder_name(name)))
        write_dataset_file(out, scenes.model.aabb.tolist(), {"train": [], "test": written}, made_by)
    left_out.report()


def _made_by(scenes: Scenes, cameras: Cameras, channels: Sequence[Channel]) -> dict[str, object]:
    path = torch.cat([cameras.c2w.flatten(1), cameras.intrinsics], dim=1).cpu().numpy().tobytes()
    return {
        "generator": "export images",
        "bank": str(scenes.bank.folder.resolve()),
        "model": scenes.bank.model_id,
        "channels": sorted(channels),
        "cameras": hashlib.sha256(path).hexdigest()[:16],
    }


def _write_scene(folder: Path, scene: Scene, cameras: Cameras, channels: Sequence[Channel]) -> None:
    files = [f"{view:03d}.png" for view in range(len(cameras))]
    kept: dict[str, list[Float[Tensor, "view *pixel"]]] = {channel: [] for channel in channels}
    with atomic_directory(folder) as temporary:
        for first, views in _in_parts(scene, cameras):
            for file, picture in zip(files[first:], as_pixels(views.images), strict=False):
                Image.fromarray(picture).save(temporary / file)
            for channel, parts in kept.items():
                parts.append(getattr(views, channel).cpu())
        if kept:
            arrays = {channel: torch.cat(parts).numpy() for channel, parts in kept.items()}
            np.savez(temporary / CHANNELS_FILE, allow_pickle=False, **arrays)
        write_transforms(temporary, files, cameras)


def _in_parts(scene: Scene, cameras: Cameras) -> Iterator[tuple[int, SceneViews]]:
    """Some views after the other, so that any number of them fits in memory."""
    for first in range(0, len(cameras), _VIEWS_AT_ONCE):
        yield first, scene.render(cameras[first : first + _VIEWS_AT_ONCE])
