"""One fitted scene as a thing to render: its own parts and the category model that they belong to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from triptych.bank.coding.layout import Coding
from triptych.errors import InputError
from triptych.geometry import Cameras, Orbit
from triptych.model import CategoryModel, SceneViews
from triptych.model.prediction import Predicting
from triptych.model.rendering import render_views
from triptych.pictures import as_pixels, as_png
from triptych.representation.config import SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.occupancy import with_occupancy
from triptych.representation.sampler import Sampler
from triptych.text import shown

MEAN_SCENE = "(mean scene)"
"""Name of the scene that all others start from."""
PICTURE_SIZE = "picture_size"
"""Of a scene's record: height and width of the pictures that it was fitted to, where they are not the model's."""

_LONGEST_SIDE = 16_384


@dataclass(frozen=True, eq=False, repr=False)
class Scene:
    """One scene, ready to render.

    Attributes:
        model: the category model; its device is where the scene is rendered.
        micro: micro planes, channels last.
        coefficients: coefficients of the base planes.
        name: the scene's name.
        record: JSON values about it: metrics, seconds, views, settings.
        coding: how its micro planes are rounded, where they are.
    """

    model: CategoryModel
    micro: Float[Tensor, "3 k k micro"]
    coefficients: Float[Tensor, " base"]
    name: str = ""
    record: Mapping[str, Any] = field(default_factory=dict)
    coding: Coding | None = None

    @classmethod
    def start_of(cls, model: CategoryModel) -> "Scene":
        """The mean of the scenes that a model was trained on, from which stage 2 starts."""
        return cls(model, model.start_micro, model.start_coefficients, MEAN_SCENE)

    @classmethod
    def predicted(
        cls, model: CategoryModel, images: Float[Tensor, "view 3 height width"], cameras: Cameras, name: str = ""
    ) -> "Scene":
        """What a model's predictor makes of pictures in [0, 1] and their cameras, without any optimization.

        Raises:
            InputError: the model has no predictor.
        """
        prediction = Predicting(model, (cameras.height, cameras.width)).of(images, cameras)
        return cls(model, prediction.micro, prediction.coefficients, name, {"views": len(images)})

    def __repr__(self) -> str:
        height, width = self.picture_size
        return f"Scene({self.name!r}, model {self.model.identity()}, {width}x{height} pixels, on {self.micro.device})"

    @cached_property
    def picture_size(self) -> tuple[int, int]:
        """Height and width of the pictures that it was fitted to, and that it is shown in unless asked for others.

        Raises:
            InputError: its record says something else.
        """
        if PICTURE_SIZE not in self.record:
            return self.model.config.height, self.model.config.width
        found = self.record[PICTURE_SIZE]
        if not isinstance(found, list | tuple) or len(found) != 2 or not all(map(_is_side, found)):
            raise InputError(f"scene {self.name!r}: {PICTURE_SIZE} is {shown(found)}, expected [height, width]")
        return found[0], found[1]

    def along(self, orbit: Orbit) -> Cameras:
        """The cameras of an orbit, for pictures of ``picture_size`` and on the scene's device."""
        return orbit.cameras(*self.picture_size).to(self.model.aabb.device)

    @cached_property
    def field(self) -> TriPlaneField:
        """The scene as tri-planes, with its empty space known."""
        return with_occupancy(self.model.field(self.micro[None], self.coefficients[None]))

    @cached_property
    def background(self) -> Float[Tensor, "pixel channel"]:
        """The latent of an image of what is behind the objects, one row per latent pixel."""
        return self.model.background()

    def behind(self, cameras: Cameras) -> Float[Tensor, "pixel channel"]:
        """``background`` for the pictures of cameras; of other sizes than the model's the last one is kept."""
        size = self.model.whole_size(cameras.height, cameras.width)
        if size == (self.model.config.height, self.model.config.width):
            return self.background
        if size not in self._other_backgrounds:
            self._other_backgrounds.clear()
            self._other_backgrounds[size] = self.model.background(size)
        return self._other_backgrounds[size]

    @cached_property
    def _other_backgrounds(self) -> dict[tuple[int, int], Tensor]:
        return {}

    @torch.no_grad()
    def render(self, cameras: Cameras, sampling: SamplingConfig | None = None) -> SceneViews:
        """RGB, latents, opacity and depth as ``cameras`` see them.

        Args:
            cameras: any number of cameras, of any picture size and in any precision; see
                ``triptych.model.rendering``.
            sampling: another sampling than the model's, a finer one for instance.
        """
        sampler = None if sampling is None else Sampler(sampling)
        return render_views(self.model, self.field, self.suited(cameras), self.behind(cameras), sampler)

    def suited(self, cameras: Cameras) -> Cameras:
        """Cameras with the device and number format of the scene."""
        box = self.model.aabb
        return Cameras(cameras.c2w.to(box), cameras.intrinsics.to(box), cameras.height, cameras.width)

    def blend(self, other: "Scene", share: float) -> "Scene":
        """A scene between this one (share 0) and another of the same model (share 1): micro planes and coefficients
        are interpolated.

        Raises:
            InputError: the scenes belong to different models.
        """
        if other.model is not self.model and other.model.identity() != self.model.identity():
            raise InputError(f"blend: scenes {self.name!r} and {other.name!r} belong to different models")
        return Scene(
            self.model,
            torch.lerp(self.micro, other.micro, share),
            torch.lerp(self.coefficients, other.coefficients, share),
            f"{self.name} {1 - share:.0%}, {other.name} {share:.0%}",
            {PICTURE_SIZE: self.record[PICTURE_SIZE]} if PICTURE_SIZE in self.record else {},
        )

    def picture(self) -> Image.Image:
        """The scene from in front, the left and above, where its box about fills the picture."""
        cameras = self.along(Orbit.around(self.model.aabb))
        return Image.fromarray(as_pixels(self.render(cameras).images)[0])

    def _repr_png_(self) -> bytes:
        """What a notebook shows."""
        return as_png(self.picture())


def _is_side(value: object) -> bool:
    return type(value) is int and 0 < value <= _LONGEST_SIDE
