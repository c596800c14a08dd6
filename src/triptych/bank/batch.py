"""Several scenes rendered in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch

from triptych.bank.scene import Scene
from triptych.geometry import Cameras
from triptych.model import SceneViews
from triptych.model.rendering import render_together, views_at_once


def render_scenes(scenes: Mapping[str, Scene], cameras: Cameras) -> dict[str, SceneViews]:
    """RGB, latents, opacity and depth of several scenes as the same cameras see them, many views at a time.

    Args:
        scenes: scenes by name, of any models.
        cameras: of any picture size.

    Raises:
        InputError: a scene is damaged.
    """
    views: dict[str, SceneViews] = {}
    names = list(scenes)
    if not names:
        return views
    at_once = max(1, views_at_once(scenes[names[0]].model, cameras) // max(1, len(cameras)))
    for start in range(0, len(names), at_once):
        chosen = names[start : start + at_once]
        views |= zip(chosen, _together([scenes[name] for name in chosen], cameras), strict=True)
    return views


@torch.no_grad()
def _together(scenes: Sequence[Scene], cameras: Cameras) -> list[SceneViews]:
    model = scenes[0].model
    if len(scenes) == 1 or any(scene.model is not model for scene in scenes):
        return [scene.render(cameras) for scene in scenes]
    cameras, fields = scenes[0].suited(cameras), [scene.field for scene in scenes]
    occupancies = [field.occupancy for field in fields if field.occupancy is not None]
    field = replace(fields[0], planes=torch.cat([each.planes for each in fields]), occupancy=torch.cat(occupancies))
    everywhere = cameras[list(range(len(cameras))) * len(scenes)]
    counts = [len(cameras)] * len(scenes)
    return render_together(model, field, everywhere, counts, scenes[0].behind(cameras)).split(counts)
