"""The predictor as a module: from encoded views of some scenes to their micro planes, coefficients and occupancy.

    cells      the scene box in nearly cubic cells, carved by the silhouettes of the views (hull.py)
    pooling    what the views show of each cell that is left (pooling.py), made into features by a small network
    planes     along each axis, one linear layer from a column of cells to the features of a texel; then a small U-Net
               over the three planes, which exchange their row and column means (plane_network.py)
    slopes     whenever it works on planes it also sees how the rendering error of the given views changes with them:
               first at the mean of the trained scenes, where scenes start without a predictor, then at what it has
               itself predicted from there, in several corrections, each by a network of its own (learned gradient
               descent, as in DeepView, arXiv 1906.07316), the last of which corrects again and again; where there are
               many views, each look takes others in turn
    residuals  what they give is added to these planes

All of it depends on what the views show, not on how many they are nor on the scenes that are predicted together; nor
on the order of the views, as long as one look takes all of them.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int32
from torch import Tensor, nn

from triptych.model.predictor.config import PredictorConfig
from triptych.model.predictor.hull import Grid, Hull, carve
from triptych.model.predictor.plane_network import PlaneBlock, Planes, PlaneUNet, on_texels
from triptych.model.predictor.pooling import pool, pooled_features
from triptych.model.predictor.views import EncodedViews
from triptych.representation.config import PlaneConfig

_MICRO_SCALE, _COEFFICIENT_SCALE = 0.1, 0.05
"""About how far fitted scenes lie from the mean scene."""


@dataclass(frozen=True)
class Surroundings:
    """What the predictor is told of its category model.

    Attributes:
        aabb: the scene box.
        background: the latent of the background.
        micro: micro planes of the mean scene.
        coefficients: its coefficients.
        occupancy: the cells in which scenes of the category have matter.
        planes: full planes of the mean scene.
    """

    aabb: Float[Tensor, "2 3"]
    background: Float[Tensor, " channel"]
    micro: Float[Tensor, "3 k k micro"]
    coefficients: Float[Tensor, " base"]
    occupancy: Int32[Tensor, "z y"]
    planes: Float[Tensor, "3 k k feature"]


@dataclass(frozen=True)
class Prediction:
    """Where scenes start; without the first axis, where one starts.

    Attributes:
        micro: micro planes.
        coefficients: coefficients of the base planes.
        occupancy: the cells in which to sample it, in the bits of `triptych.geometry.bit_grid`.
    """

    micro: Float[Tensor, "*scene 3 k k micro"]
    coefficients: Float[Tensor, "*scene base"]
    occupancy: Int32[Tensor, "*scene z y"]

    def __getitem__(self, scene: int) -> "Prediction":
        """One of the scenes."""
        return Prediction(self.micro[scene], self.coefficients[scene], self.occupancy[scene])


Slopes = Callable[[Prediction, int], Tensor]
"""The gradient of L_Enc by the micro planes [scene, 3, k, k, micro] of a state, over those of the given views of each
scene that a look takes; looks are numbered."""


@dataclass(frozen=True)
class Guess:
    """Scenes on their way to a prediction.

    Attributes:
        fine: what the network knows of each texel.
        moved: how far the micro planes lie from the mean scene's, in units of what is usual.
        coefficients: coefficients of the base planes.
        occupancy: the cells that the views do not show to be empty.
    """

    fine: Float[Tensor, "scene 3 k k feature"]
    moved: Float[Tensor, "scene 3 k k micro"]
    coefficients: Float[Tensor, "scene base"]
    occupancy: Int32[Tensor, "scene z y"]

    def prediction(self, around: Surroundings) -> Prediction:
        """The scenes as they are now."""
        return Prediction(around.micro + _MICRO_SCALE * self.moved, self.coefficients, self.occupancy)


class Standardized(nn.Module):
    """Features of mean 0 and deviation 1, as those of a sample had."""

    mean: Float[Tensor, " feature"]
    deviation: Float[Tensor, " feature"]

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("deviation", torch.ones(features))

    def fit(self, sample: Float[Tensor, "row feature"]) -> None:
        """Take over mean and deviation of a sample; features that do not vary in it stay near 0."""
        self.mean.copy_(sample.mean(dim=0))
        self.deviation.copy_(sample.std(dim=0).clamp_min(1e-2))

    def forward(self, features: Float[Tensor, "row feature"]) -> Float[Tensor, "row feature"]:
        return ((features - self.mean) / self.deviation).clamp(-5, 5)


class TexelHead(nn.Module):
    """From features of texels to values that are 0 before training."""

    def __init__(self, features: int, values: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(features)
        self.last = nn.Linear(features, values)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, texels: Float[Tensor, "texel feature"]) -> Float[Tensor, "texel value"]:
        return self.last(self.norm(texels))


class Correction(nn.Module):
    """What to add to predicted micro planes, from how the rendering error changes with them.

    Args:
        config: its size.
        planes: of the scenes.
    """

    def __init__(self, config: PredictorConfig, planes: PlaneConfig) -> None:
        super().__init__()
        first, multiple = config.correction_widths[0], 2 ** (len(config.correction_widths) - 1)
        self.resolution, self.side = planes.resolution, multiple * -(-planes.resolution // multiple)
        self.of_state = nn.Linear(config.widths[0] + 2 * planes.micro_features + 1, first)
        self.unet = PlaneUNet(config.correction_widths, 1, config.expansion)
        self.micro = TexelHead(first, planes.micro_features)

    def forward(
        self,
        fine: Float[Tensor, "scene 3 k k feature"],
        slope: Float[Tensor, "scene 3 k k slope"],
        moved: Float[Tensor, "scene 3 k k micro"],
    ) -> Float[Tensor, "scene 3 k k micro"]:
        """A change of ``moved``, which says how far the planes lie from the mean scene's."""
        state = self.of_state(torch.cat([fine, slope, moved], dim=-1))
        planes, _ = self.unet([_resized(plane, self.side, self.side) for plane in state.unbind(dim=1)])
        change = on_texels(self.micro, planes)
        return torch.stack([_resized(plane, self.resolution, self.resolution) for plane in change], dim=1)


class Predictor(nn.Module):
    """See the module's text.

    Args:
        config: its size.
        channels: of the latents.
        planes: of the scenes.
        aabb: the scene box, whose proportions the grid of cells follows.
    """

    def __init__(self, config: PredictorConfig, channels: int, planes: PlaneConfig, aabb: Float[Tensor, "2 3"]) -> None:
        super().__init__()
        self.config = config
        self.resolution = planes.resolution
        grid = Grid.of(aabb.cpu(), config.cells, 2 ** (len(config.widths) - 1))
        depth, height, width = self.shape = grid.shape
        first = config.widths[0]
        self.standardized = Standardized(pooled_features(channels))
        self.of_cell = nn.Sequential(
            nn.Linear(pooled_features(channels), config.cell_hidden),
            nn.ReLU(),
            nn.Linear(config.cell_hidden, config.cell_hidden),
            nn.ReLU(),
            nn.Linear(config.cell_hidden, config.cell_features),
        )
        self.along = nn.ModuleList(nn.Linear(count * config.cell_features, first) for count in (depth, height, width))
        self.of_start = nn.Linear(planes.features + planes.micro_features + 1, first)
        self.mixed = nn.Sequential(nn.LayerNorm(first), nn.Linear(first, first))
        self.unet = PlaneUNet(config.widths, config.blocks, config.expansion)
        self.of_slopes = nn.Linear(planes.micro_features + 1, first)
        self.finest = PlaneBlock(first, 1)
        self.micro = TexelHead(first, planes.micro_features)
        self.coefficients = nn.Linear(3 * config.widths[-1], planes.coefficients)
        self.corrections = nn.ModuleList(Correction(config, planes) for _ in range(config.corrections))
        nn.init.zeros_(self.coefficients.weight)
        nn.init.zeros_(self.coefficients.bias)

    @torch.no_grad()
    def standardize(self, scenes: Sequence[EncodedViews], around: Surroundings) -> None:
        """Before training: scale what enters the networks as it comes in these scenes."""
        grid = Grid(around.aabb, self.shape)
        within = [views.part(0).within(self.config.side) for views in scenes]
        self.standardized.fit(torch.cat([pool(carve(grid, views), views, around.background) for views in within]))

    @torch.no_grad()
    def round_to_half(self) -> None:
        """Round all its numbers to what half precision holds; see ``CategoryModel.round_to_half``."""
        for tensor in self.state_dict().values():
            tensor.copy_(tensor.half())

    def forward(
        self, scenes: Sequence[EncodedViews], around: Surroundings, slopes: Slopes, corrections: int | None = None
    ) -> Prediction:
        """Where scenes start, from some views of each, with gradient for this network's parameters; after so many
        ``corrections``, all if not given."""
        guess = self.first(scenes, around, slopes)
        for number in range(self.looks if corrections is None else corrections):
            guess = self.corrected(guess, number, around, slopes)
        return guess.prediction(around)

    @property
    def looks(self) -> int:
        """How often scenes are corrected."""
        return len(self.corrections) + self.config.repeats if self.corrections else 0

    def first(self, scenes: Sequence[EncodedViews], around: Surroundings, slopes: Slopes) -> Guess:
        """The scenes before all corrections."""
        seen = [views.part(0).within(self.config.side) for views in scenes]
        hulls = [carve(Grid(around.aabb, self.shape), views) for views in seen]
        slope = _relative(slopes(_mean_scene(around, len(scenes)), 0))
        planes, smallest = self.unet(self._planes(hulls, seen, around, slope))
        size, of_slopes = (self.resolution, self.resolution), self.of_slopes(slope).unbind(dim=1)
        fine = self.finest([_resized(plane, *size) + more for plane, more in zip(planes, of_slopes, strict=True)])
        moved = torch.stack(on_texels(self.micro, fine), dim=1)
        summary = torch.cat([plane.mean(dim=(1, 2)) for plane in smallest], dim=1)
        coefficients = around.coefficients + _COEFFICIENT_SCALE * self.coefficients(summary)
        occupancy = torch.stack([hull.occupancy() for hull in hulls])
        return Guess(torch.stack(fine, dim=1), moved, coefficients, occupancy)

    def corrected(self, guess: Guess, number: int, around: Surroundings, slopes: Slopes) -> Guess:
        """The scenes after the correction of this number, with gradient for its network."""
        state, last = guess.prediction(around), len(self.corrections) - 1
        slope = slopes(replace(state, occupancy=state.occupancy | around.occupancy), number + 1)
        change = self.corrections[min(number, last)](guess.fine, _relative(slope), guess.moved)
        share = 1.0 if number <= last else self.config.damping
        return replace(guess, moved=guess.moved + share * change)

    def _planes(
        self,
        hulls: Sequence[Hull],
        scenes: Sequence[EncodedViews],
        around: Surroundings,
        slope: Float[Tensor, "scene 3 k k slope"],
    ) -> Planes:
        seen = [pool(hull, views, around.background) for hull, views in zip(hulls, scenes, strict=True)]
        features = self.of_cell(self.standardized(torch.cat(seen)))
        count = math.prod(self.shape)
        cells = torch.cat([scene * count + hull.cells for scene, hull in enumerate(hulls)])
        volume = features.new_zeros(len(hulls) * count, features.shape[1])
        volume = volume.index_copy(0, cells, features).unflatten(0, (len(hulls), *self.shape))
        columns = (volume.permute(0, 2, 3, 1, 4), volume.permute(0, 1, 3, 2, 4), volume)
        planes = [layer(column.flatten(3)) for layer, column in zip(self.along, columns, strict=True)]
        known = torch.cat([around.planes.expand(len(hulls), -1, -1, -1, -1), slope], dim=-1).unbind(dim=1)
        known = [_resized(each, *plane.shape[1:3]) for each, plane in zip(known, planes, strict=True)]
        planes = [plane + more for plane, more in zip(planes, on_texels(self.of_start, known), strict=True)]
        return on_texels(self.mixed, planes)


def _mean_scene(around: Surroundings, scenes: int) -> Prediction:
    """The mean scene, so many times."""
    parts = around.micro, around.coefficients, around.occupancy
    return Prediction(*(part.expand(scenes, *part.shape) for part in parts))


def _relative(slope: Float[Tensor, "scene 3 k k micro"]) -> Float[Tensor, "scene 3 k k slope"]:
    """The gradient of each scene in units of its root mean square, and the size of that as one more feature."""
    size = slope.square().mean(dim=(1, 2, 3, 4), keepdim=True).sqrt().clamp_min(1e-12)
    shape = (*slope.shape[:-1], 1)
    return torch.cat([(slope / size).clamp(-5, 5), (size.log() / 2 + 6).expand(shape)], dim=-1)


def _resized(plane: Float[Tensor, "scene row column feature"], rows: int, columns: int) -> Tensor:
    if plane.shape[1:3] == (rows, columns):
        return plane
    resized = F.interpolate(plane.permute(0, 3, 1, 2), (rows, columns), mode="bilinear", align_corners=False)
    return resized.permute(0, 2, 3, 1)
