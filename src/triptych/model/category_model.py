"""The category model as a module: what it holds, how it renders scenes, how it is saved."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from jaxtyping import Float, Int32
from torch import Tensor, nn

from triptych.autoencoder import Autoencoder, IdentityAutoencoder, LatentNormalization
from triptych.autoencoder.saving import check_weights
from triptych.data.backgrounds import WHITE, color_text
from triptych.errors import InputError
from triptych.geometry import Cameras, Orbit, Rays, SceneRays, bit_grid
from triptych.model.config import ModelConfig
from triptych.model.first_step import FirstStep, load_first_step
from triptych.model.modes import load_modes, no_modes
from triptych.model.origin import Origin
from triptych.model.places import MODEL_FILE, SHARED_FILE
from triptych.model.predictor import Predictor
from triptych.model.predictor.saving import load_predictor
from triptych.model.saving import StoredModel, digest_of, read_model, write_model
from triptych.representation.field import Field, TriPlaneField
from triptych.representation.mlp import TinyMLP
from triptych.representation.planes import compose
from triptych.representation.render import Rendering, render
from triptych.representation.sampler import PixelRays, Sampler
from triptych.runtime import Parts, sent


class CategoryModel(nn.Module):
    """Autoencoder, latent normalization, base planes and tiny MLP of one category, and how new scenes start.

    Args:
        config: sizes and sampling.
        autoencoder: E and D; an `IdentityAutoencoder` makes this a model of RGB tri-planes.
        normalization: the scale in which latents are rendered.
        base: base planes [base, 3, row, column, feature].
        aabb: the scene box.
        trained_scenes: fingerprint of each stage-1 scene, by name, so that none is later taken for a new one.
        origin: what is known about its training.

    Attributes:
        predictor: predicts where new scenes start; None where the model has none. It is no part of what scenes are made
            of: the model's identity does not depend on it.
        modes: how new scenes differ most from the mean one, see `triptych.model.modes`; none where the model has none.
        first_step: how new scenes begin, see `triptych.model.first_step`; the same.
            The identity does not depend on them, either.
        parts: into how many parts views are divided where no gradients are taken, if a GPU's memory demands it.
    """

    aabb: Float[Tensor, "2 3"]
    start_micro: Float[Tensor, "3 k k micro"]
    start_coefficients: Float[Tensor, " base"]
    start_occupancy: Int32[Tensor, "z y"]
    modes: Float[Tensor, "mode 3 m m micro"]

    def __init__(
        self,
        config: ModelConfig,
        autoencoder: Autoencoder,
        normalization: LatentNormalization,
        base: Float[Tensor, "base 3 k k macro"],
        aabb: Float[Tensor, "2 3"],
        trained_scenes: Mapping[str, str],
        origin: Origin | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.autoencoder = autoencoder
        self.normalization = normalization
        self.base = nn.Parameter(base)
        self.mlp = TinyMLP(config.planes.features, autoencoder.channels, config.mlp)
        self.trained_scenes = dict(trained_scenes)
        self.origin = origin or Origin()
        self.predictor: Predictor | None = None
        self.parts = Parts()
        self._former_ids: tuple[str, tuple[str, ...]] = ("", ())
        self.register_buffer("aabb", aabb)
        self.register_buffer("start_micro", torch.zeros(config.planes.micro_shape))
        self.register_buffer("start_coefficients", torch.zeros(config.planes.coefficients))
        self.register_buffer("start_occupancy", bit_grid.everywhere())
        self.register_buffer("modes", no_modes(self.start_micro), persistent=False)
        self.first_step = FirstStep()

    @property
    def places(self) -> int:
        """Numbers that say where a scene is along modes and base planes."""
        return len(self.modes) + len(self.start_coefficients)

    @property
    def latent_size(self) -> tuple[int, int]:
        """Height and width of the latent image of a picture of the model's size."""
        return self.latent_size_of(self.config.height, self.config.width)

    def latent_size_of(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the latent image of a picture of this size, which the autoencoder divides."""
        factor = self.autoencoder.downscale
        return height // factor, width // factor

    def whole_size(self, height: int, width: int) -> tuple[int, int]:
        """The smallest size that the autoencoder divides and that pictures of this size fit into."""
        side = self.autoencoder.downscale
        return -(-height // side) * side, -(-width // side) * side

    def encode(
        self, images: Float[Tensor, "view 3 height width"]
    ) -> Float[Tensor, "view channel latent_height latent_width"]:
        """Normalized latents of images in [0, 1]."""
        return self.normalization.normalize(self._in_parts(self.autoencoder.encode, images).float())

    def decode(
        self, latents: Float[Tensor, "view channel latent_height latent_width"]
    ) -> Float[Tensor, "view 3 height width"]:
        """Images of normalized latents, not clamped."""
        return self._in_parts(self.autoencoder.decode, self.normalization.denormalize(latents)).float()

    def _in_parts(self, work: Callable[[Tensor], Tensor], views: Tensor) -> Tensor:
        if torch.is_grad_enabled():  # whoever takes gradients divides the work as a whole
            return work(views)
        split = views.tensor_split
        return self.parts.done(lambda count: torch.cat([work(part) for part in split(count)]), len(views), "views")

    def along(self, orbit: Orbit) -> Cameras:
        """The cameras of an orbit, for pictures of the model's size and on its device."""
        return orbit.cameras(self.config.height, self.config.width).to(self.aabb.device)

    @property
    def is_image_space(self) -> bool:
        """Whether there is no autoencoder: latents are pictures."""
        return isinstance(self.autoencoder, IdentityAutoencoder)

    @property
    def background_color(self) -> Float[Tensor, "3"]:
        """The color of ``origin.background``, in [0, 1]."""
        return sent(torch.tensor(self.origin.background), self.aabb.device) / 255

    def background(self, size: tuple[int, int] | None = None) -> Float[Tensor, "pixel channel"]:
        """The latent of an image of ``origin.background``, one row per latent pixel: what rays see behind the scene.

        It is differentiable in the encoder, where that is being trained.

        Args:
            size: height and width of the image, by default the model's.
        """
        height, width = size or (self.config.height, self.config.width)
        image = self.background_color[None, :, None, None].repeat(1, 1, height, width)
        return self.encode(image)[0].flatten(1).T.contiguous()

    def field(
        self, micro: Float[Tensor, "scene 3 k k micro"], coefficients: Float[Tensor, "scene base"]
    ) -> TriPlaneField:
        """Scenes that can be rendered, from their own parts and the shared ones."""
        planes = compose(self.config.planes, micro, coefficients, self.base)
        return TriPlaneField(planes, self.mlp, self.aabb)

    def render_latents(
        self,
        field: Field,
        cameras: Cameras,
        views_per_scene: list[int],
        background: Float[Tensor, "pixel channel"],
        sampler: Sampler | None = None,
    ) -> Rendering:
        """Render whole latent images, differentiably; the rays are grouped by view, rows first.

        Each latent pixel is the mean of several rays spread evenly over the patch of image that it covers.

        Args:
            field: the scenes.
            cameras: image cameras of all views, grouped by scene; the autoencoder divides their size.
            views_per_scene: number of views of each scene.
            background: from ``background``, for images of the cameras' size.
            sampler: which rays, and how they are sampled; by default all of the model's sampling, evenly.
        """
        height, width = self.latent_size_of(cameras.height, cameras.width)
        sampler = sampler or Sampler(self.config.sampling)
        pixel_rays = sampler.pixel_rays
        rays = self.latent_rays(cameras, views_per_scene, pixel_rays)
        behind = pixel_rays.repeat(background.reshape(height, width, -1)).flatten(0, 1).repeat(len(cameras), 1)
        rendering = render(field, rays, behind, sampler.sampling, sampler.generators, sampler.backend)
        return rendering.averaged(pixel_rays, height, width)

    def latent_rays(self, cameras: Cameras, views_per_scene: Sequence[int], pixel_rays: PixelRays) -> SceneRays:
        """The rays of whole latent images, row after row of rays."""
        rays = pixel_rays.through(cameras.resized(*self.latent_size_of(cameras.height, cameras.width)))
        return SceneRays.of_views(Rays(rays.origins.flatten(1, 2), rays.directions.flatten(1, 2)), views_per_scene)

    def as_images(
        self, channels: Float[Tensor, "ray channel"], size: tuple[int, int] | None = None
    ) -> Float[Tensor, "view channel height width"]:
        """Flat rendered rays of whole latent images, as a stack of them.

        Args:
            channels: row after row of each image.
            size: height and width of the latent images, by default ``latent_size``.
        """
        height, width = size or self.latent_size
        return channels.reshape(-1, height, width, channels.shape[-1]).permute(0, 3, 1, 2)

    @staticmethod
    def as_pixels(images: Float[Tensor, "view channel height width"]) -> Float[Tensor, "ray channel"]:
        """A stack of images as ``as_images`` takes them: row after row of each."""
        return images.permute(0, 2, 3, 1).flatten(0, 2)

    @torch.no_grad()
    def round_to_half(self) -> None:
        """Round all that is trained to what half precision holds, so that ``save`` needs two bytes a number."""
        for tensor in (*self.parameters(), self.start_micro, self.start_coefficients):
            tensor.copy_(tensor.half())

    def identity(self) -> str:
        """A hash of the whole configuration and of every shared number: two models with the same one render every
        scene alike."""
        configuration = {
            "config": asdict(self.config),
            "normalization": self.normalization.kind,
            "autoencoder": {"kind": self.autoencoder.kind, **self.autoencoder.description()},
        }
        if self.origin.background != WHITE:  # models had no other when their ids were first made
            configuration["background"] = self.origin.background
        return digest_of(self._scene_tensors(), json.dumps(configuration, sort_keys=True, separators=(",", ":")))

    def known_ids(self) -> tuple[str, ...]:
        """Its identity, and what earlier versions of triptych called the same model."""
        identity = self.identity()
        of, former = self._former_ids
        # A model that has been trained on is another one.
        return (identity, *(former if of == identity else ()))

    def is_known_as(self, identity: str) -> bool:
        """Whether this is the model that a bank or a scene file names by ``identity``."""
        return identity in self.known_ids()

    def __repr__(self) -> str:
        config, planes = self.config, self.config.planes
        latents = "x".join(map(str, (self.autoencoder.channels, *self.latent_size)))
        return (
            f"CategoryModel({config.width}x{config.height} pixels; latents {latents}; {planes.base_planes} base "
            f"planes; trained on {len(self.trained_scenes)} scene(s) over {color_text(self.origin.background)}; "
            f"{self.aabb.device})"
        )

    def save(self, folder: str | Path) -> None:
        """Write the model folder, whole or not at all; one that stands there is replaced."""
        stored = StoredModel(
            self.known_ids(),
            self.config,
            self.normalization.kind,
            self.origin,
            self.trained_scenes,
            self.autoencoder,
            self._shared_tensors(),
            predictor=self.predictor,
            modes=self.modes,
            first_step=self.first_step,
        )
        write_model(Path(folder), stored)

    @classmethod
    def load(cls, folder: str | Path, autoencoder: nn.Module | None = None) -> "CategoryModel":
        """Read a model folder, on the CPU.

        Args:
            folder: where.
            autoencoder: the module of one's own that it was trained with, if one was; a copy gets the weights.

        Raises:
            InputError: the folder or a file in it is missing, damaged or of another model.
        """
        folder = Path(folder)
        stored = read_model(folder, autoencoder)
        unit = torch.ones(stored.autoencoder.channels)
        normalization = LatentNormalization(stored.normalization, torch.zeros_like(unit), unit)
        try:
            base = torch.zeros(stored.config.planes.base_shape)
            trained, origin = stored.trained_scenes, stored.origin
            model = cls(stored.config, stored.autoencoder, normalization, base, torch.zeros(2, 3), trained, origin)
        except (RuntimeError, MemoryError) as error:
            raise InputError(f"{folder / MODEL_FILE}, config: sizes that fit into no memory ({error})") from None
        check_weights(folder / SHARED_FILE, stored.shared, model._shared_tensors())
        model.load_state_dict(stored.shared, strict=False)
        if not stored.summed and digest_of(model._scene_tensors(), "") != stored.ids[0]:
            raise InputError(f"{folder}: its files are not of one model; copy the whole folder again")
        model.predictor = load_predictor(folder, stored.autoencoder.channels, stored.config.planes, model.aabb)
        model.modes = load_modes(folder, model.start_micro)
        model.first_step = load_first_step(folder, model.places)
        identity = model.identity()
        model._former_ids = (identity, tuple(known for known in stored.ids if known != identity))
        return model.requires_grad_(False).eval()

    def _scene_tensors(self) -> dict[str, Tensor]:
        """Every number that a scene's pictures depend on."""
        return {name: tensor for name, tensor in self.state_dict().items() if not name.startswith("predictor.")}

    def _shared_tensors(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self._scene_tensors().items() if not name.startswith("autoencoder.")}
