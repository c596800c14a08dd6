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
    names = list(scenes)
    if not names:
        return {}
    model = scenes[names[0]].model
    at_once = min(max(1, views_at_once(model, cameras) // max(1, len(cameras))), len(names))

    def rendered(parts: int) -> dict[str, SceneViews]:
        views: dict[str, SceneViews] = {}
        size = -(-at_once // parts)
        for start in range(0, len(names), size):
            chosen = names[start : start + size]
            views |= zip(chosen, _together([scenes[name] for name in chosen], cameras), strict=True)
        return views

    return model.parts.done(rendered, at_once, "scenes")


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
