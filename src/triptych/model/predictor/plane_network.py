"""A small U-Net over the three planes of scenes, in which the planes tell each other of their rows and columns.

Planes are stored channels last, one tensor [scene, row, column, feature] for each of XY, XZ and YZ (see
`triptych.representation.planes`), and share all weights. What works on single texels is a linear layer over the texels
of all planes at once: on a CPU much faster than 1x1 convolutions of so few pictures.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from triptych.representation.planes import PLANE_AXES
from triptych.runtime import computes_by_itself

Planes = list[Tensor]
"""The planes XY, XZ, YZ of some scenes, each [scene, row, column, feature]."""


def on_texels(layer: Callable[[Tensor], Tensor], planes: Planes) -> Planes:
    """What a layer makes of every texel by itself."""
    flat = layer(torch.cat([plane.flatten(0, 2) for plane in planes]))
    parts = flat.split([plane.shape[:3].numel() for plane in planes])
    return [part.unflatten(0, plane.shape[:3]) for part, plane in zip(parts, planes, strict=True)]


class PlaneBlock(nn.Module):
    """x + contract(relu(expand(norm(depthwise(x) + means(x))))): a ConvNeXt block (arXiv 2201.03545) that also sees the
    means of the other two planes over what they do not share with this one."""

    def __init__(self, width: int, expansion: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.means = nn.Linear(width, width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, expansion * width)
        self.contract = nn.Linear(expansion * width, width)
        nn.init.normal_(self.contract.weight, std=0.3 * (2 / (width * expansion)) ** 0.5)

    def forward(self, planes: Planes) -> Planes:
        told = [
            self.depthwise(_channels_first(plane)).permute(0, 2, 3, 1) + means
            for plane, means in zip(planes, self._means(planes), strict=True)
        ]
        branch = on_texels(self._branch, told)
        return [plane + more for plane, more in zip(planes, branch, strict=True)]

    def _branch(self, texels: Tensor) -> Tensor:
        return self.contract(F.relu(self.expand(self.norm(texels))))

    def _means(self, planes: Planes) -> Planes:
        """For every plane, what the other two say about its rows and columns, as [scene, row, column, feature]."""
        places = [(number, place) for number in range(len(planes)) for place in (1, 2)]
        means = [planes[number].mean(dim=3 - place) for number, place in places]
        told = self.means(torch.cat(means, dim=1)).split([mean.shape[1] for mean in means], dim=1)
        along = {
            (number, PLANE_AXES[number][2 - place]): each for (number, place), each in zip(places, told, strict=True)
        }
        said = []
        for number, (column, row) in enumerate(PLANE_AXES):
            by_column, by_row = (
                next(means for (other, axis), means in along.items() if other != number and axis == wanted)
                for wanted in (column, row)
            )
            said.append(by_column[:, None] + by_row[:, :, None])
        return said


class PlaneUNet(nn.Module):
    """Planes to planes of the same size; their sides are multiples of 2 for every size but the first.

    Args:
        widths: features at full size, half, a quarter and so on.
        blocks: at each size on the way down; one less, but at least one, on the way up.
        expansion: of the blocks.
    """

    def __init__(self, widths: Sequence[int], blocks: int, expansion: int) -> None:
        super().__init__()
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList(_blocks(width, blocks, expansion) for width in widths)
        self.smaller = nn.ModuleList(nn.Linear(4 * fine, coarse) for fine, coarse in pairs)
        self.larger = nn.ModuleList(nn.Linear(coarse, 4 * fine) for fine, coarse in pairs)
        self.up = nn.ModuleList(_blocks(fine, max(blocks - 1, 1), expansion) for fine, _ in pairs)

    def forward(self, planes: Planes) -> tuple[Planes, Planes]:
        """The planes, and those of the smallest size."""
        skipped = []
        for blocks, smaller in zip(self.down, self.smaller, strict=False):
            planes = blocks(planes)
            skipped.append(planes)
            planes = on_texels(smaller, [_gathered(plane) for plane in planes])
        smallest = planes = self.down[-1](planes)
        for blocks, larger in zip(reversed(self.up), reversed(self.larger), strict=True):
            spread = [_spread(plane) for plane in on_texels(larger, planes)]
            planes = blocks([fine + coarse for fine, coarse in zip(skipped.pop(), spread, strict=True)])
        return planes, smallest


def _blocks(width: int, count: int, expansion: int) -> nn.Sequential:
    return nn.Sequential(*(PlaneBlock(width, expansion) for _ in range(count)))


def _channels_first(plane: Tensor) -> Tensor:
    """As convolutions take it. A GPU wants it so in memory, too: else cuDNN takes one feature after another."""
    turned = plane.permute(0, 3, 1, 2)
    return turned.contiguous() if computes_by_itself(plane.device) else turned


def _gathered(plane: Tensor) -> Tensor:
    """Four texels as one of four times the features."""
    scenes, rows, columns, features = plane.shape
    return plane.reshape(scenes, rows // 2, 2, columns // 2, 2, features).transpose(2, 3).flatten(3)


def _spread(plane: Tensor) -> Tensor:
    """The other way round."""
    scenes, rows, columns, features = plane.shape
    apart = plane.reshape(scenes, rows, columns, 2, 2, features // 4)
    return apart.transpose(2, 3).reshape(scenes, 2 * rows, 2 * columns, -1)
