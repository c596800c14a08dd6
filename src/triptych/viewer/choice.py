"""What one browser has chosen to see."""

from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import torch

from triptych.bank import MEAN_SCENE, Scene
from triptych.viewer.frames import FrameKind
from triptych.viewer.sources import LoadedScenes

Side = Literal["this bank", "the other bank", "left and right"]
SIDES: tuple[Side, ...] = get_args(Side)


@dataclass(frozen=True)
class Choice:
    """The controls of one browser.

    Attributes:
        scene: name of the scene.
        other: name of the scene it is blended with.
        share: how much of the other scene: 0 none, 1 only that.
        offsets: by number of a base plane, from 0: what is added to its coefficient, in sizes of a usual one.
        kind: what of the scene is drawn.
        channel: latent channel to draw, None for the first three.
        side: which of two banks is drawn.
    """

    scene: str = MEAN_SCENE
    other: str = MEAN_SCENE
    share: float = 0.0
    offsets: dict[int, float] = field(default_factory=dict)
    kind: FrameKind = "RGB"
    channel: int | None = None
    side: Side = "this bank"


def chosen_scene(loaded: LoadedScenes, choice: Choice) -> Scene:
    """The scene that a browser has put together.

    Raises:
        InputError: one of its parts is damaged.
    """
    scene = loaded.scene(choice.scene)
    if choice.share:
        scene = scene.blend(loaded.scene(choice.other), choice.share)
    return walked(scene, choice.offsets)


def walked(scene: Scene, offsets: dict[int, float]) -> Scene:
    """The scene with some coefficients of base planes changed.

    Args:
        scene: where the walk begins.
        offsets: by number of the base plane, from 0: the change, in root mean squares of the scene's coefficients;
            numbers beyond the last one are left out.
    """
    steps = torch.zeros_like(scene.coefficients)
    for number, offset in offsets.items():
        if 0 <= number < len(steps):
            steps[number] = offset
    if not steps.any():
        return scene
    usual = scene.coefficients.square().mean().sqrt()
    return replace(scene, coefficients=scene.coefficients + usual * steps)
