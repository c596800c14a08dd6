"""Modes of variation: how the micro planes of a category's scenes differ most from those of its mean scene.

They are the principal components of the trained scenes' micro planes, as those of statistical shape models (Cootes et
al. 1995) are of shapes. A new scene that moves along them takes steps that trained scenes have taken before it: many
texels at once, those that no view shows among them.

Modes have half as many texels along each side as micro planes and are enlarged bilinearly: a quarter of the bytes and
of the time, for a tenth of a decibel.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int8
from torch import Tensor

from triptych.autoencoder.saving import check_weights
from triptych.files import read_tensors, write_sealed_tensors
from triptych.representation.kernels import along_both_axes
from triptych.representation.planes import enlarged, interpolation

MODES_FILE = "modes.safetensors"
_PLANES, _SCALES = "planes", "scales"
_LARGEST = 127
_LEAST = 1e-8
"""Share of the strongest mode's variance below which there is none, but for rounding."""
_PART = 1 << 14
"""Numbers of each scene that are looked at together: all of them in double precision would take much memory."""


@torch.no_grad()
def modes_of(
    scenes: Sequence[Float[Tensor, "3 k k micro"]], mean: Float[Tensor, "3 k k micro"], count: int
) -> Float[Tensor, "mode 3 m m micro"]:
    """The modes of some scenes, the strongest first, each one standard deviation long.

    Args:
        scenes: their micro planes.
        mean: those of the mean scene.
        count: how many modes at most; there are never more than scenes, less one.

    Returns:
        numbers that a file of modes holds exactly.
    """
    side = side_of(mean.shape[1])
    small = [_shrunk((scene.to(mean.device) - mean)[None], side) for scene in scenes]
    apart = torch.cat(small).flatten(1)
    apart -= apart.mean(dim=0)
    products = sum(
        (part.double() @ part.double().T for part in apart.split(_PART, dim=1)),
        apart.new_zeros(len(scenes), len(scenes), dtype=torch.double),
    )
    strengths, shares = torch.linalg.eigh(products)
    strengths, shares = strengths.flip(0), shares.flip(1)
    count = min(count, int((strengths > _LEAST * strengths[0]).sum()))
    # A mode of unit length is X^T u / sqrt(strength), its deviation sqrt(strength / scenes).
    modes = (shares[:, :count].T / len(scenes) ** 0.5).float() @ apart
    return _whole(*_rounded(modes.reshape(-1, *small[0].shape[1:])))


def side_of(resolution: int) -> int:
    """Texels along each side of modes, for micro planes of so many."""
    return -(-resolution // 2)


def of_more_texels(modes: Float[Tensor, "mode 3 m m micro"], resolution: int) -> Float[Tensor, "mode 3 n n micro"]:
    """The same modes for micro planes of more texels: numbers that a file of modes holds exactly."""
    return _whole(*_rounded(enlarged(modes, side_of(resolution))))


def gathered(gradient: Float[Tensor, "scene 3 k k micro"]) -> Float[Tensor, "scene 3 m m micro"]:
    """The transpose of ``spread``: of a gradient by micro planes, that by sums of modes."""
    resolution = gradient.shape[2]
    return along_both_axes(interpolation(side_of(resolution), resolution, gradient.device).T, gradient)


def spread(sums: Float[Tensor, "scene 3 m m micro"], resolution: int) -> Float[Tensor, "scene 3 k k micro"]:
    """Sums of modes as micro planes, as ``planes.enlarged`` makes them."""
    return along_both_axes(interpolation(sums.shape[2], resolution, sums.device), sums)


def slopes_along(
    modes: Float[Tensor, "mode 3 m m micro"], gradient: Float[Tensor, "scene 3 k k micro"]
) -> Float[Tensor, "scene mode"]:
    """The gradient by where scenes are along modes, from that of their micro planes."""
    if not len(modes):
        return gradient.new_zeros(len(gradient), 0)
    return gathered(gradient).flatten(1) @ modes.flatten(1).T


def moved_along(
    modes: Float[Tensor, "mode 3 m m micro"], ways: Float[Tensor, "scene mode"], resolution: int
) -> Float[Tensor, "scene 3 k k micro"]:
    """What going so far along modes adds to micro planes."""
    sums = ways @ modes.flatten(1)
    return spread(sums.reshape(len(ways), *modes.shape[1:]), resolution)


def overlaps_of(modes: Float[Tensor, "mode 3 m m micro"], resolution: int) -> Float[Tensor, "mode mode"]:
    """The products of each mode with each other, as micro planes of so many texels a side."""
    if not len(modes):
        return modes.new_zeros(0, 0)
    return torch.stack([slopes_along(modes, spread(mode[None], resolution))[0] for mode in modes])


def ways_along(
    modes: Float[Tensor, "mode 3 m m micro"],
    overlaps: Float[Tensor, "mode mode"],
    moves: Float[Tensor, "scene 3 k k micro"],
) -> Float[Tensor, "scene mode"]:
    """How far along modes, which have these ``overlaps_of``, come nearest to what has been added to micro planes."""
    if not len(modes):
        return moves.new_zeros(len(moves), 0)
    return torch.linalg.lstsq(overlaps, slopes_along(modes, moves).T).solution.T


def no_modes(mean: Float[Tensor, "3 k k micro"]) -> Float[Tensor, "mode 3 m m micro"]:
    """What a model without modes has in their place."""
    return mean.new_zeros(0, *_shape(mean))


def save_modes(modes: Float[Tensor, "mode 3 m m micro"], folder: Path) -> None:
    """Write ``modes.safetensors`` into a folder, a byte a number."""
    planes, scales = _rounded(modes.cpu())
    write_sealed_tensors(folder / MODES_FILE, {_PLANES: planes, _SCALES: scales}, {})


def load_modes(folder: Path, mean: Float[Tensor, "3 k k micro"]) -> Float[Tensor, "mode 3 m m micro"]:
    """Read back what ``save_modes`` wrote; no modes where the folder holds none.

    Args:
        folder: of the category model.
        mean: micro planes of its mean scene.

    Raises:
        InputError: the file is damaged or of another model.
    """
    path = folder / MODES_FILE
    if not path.exists():
        return no_modes(mean)
    tensors, _ = read_tensors(path)
    count = len(tensors.get(_SCALES, ()))
    planes = torch.zeros(count, *_shape(mean), dtype=torch.int8)
    check_weights(path, tensors, {_PLANES: planes, _SCALES: torch.zeros(count)})
    return _whole(tensors[_PLANES], tensors[_SCALES])


def _shape(mean: Float[Tensor, "3 k k micro"]) -> tuple[int, int, int, int]:
    side = side_of(mean.shape[1])
    return 3, side, side, mean.shape[-1]


def _shrunk(planes: Float[Tensor, "scene 3 k k micro"], side: int) -> Float[Tensor, "scene 3 m m micro"]:
    pictures = planes.flatten(0, 1).permute(0, 3, 1, 2)
    shrunk = F.interpolate(pictures, (side, side), mode="area").permute(0, 2, 3, 1)
    return shrunk.reshape(*planes.shape[:2], side, side, planes.shape[-1])


def _rounded(
    modes: Float[Tensor, "mode 3 m m micro"],
) -> tuple[Int8[Tensor, "mode 3 m m micro"], Float[Tensor, " mode"]]:
    scales = modes.abs().amax(dim=(1, 2, 3, 4)) / _LARGEST
    return (modes / scales.clamp_min(1e-12).reshape(-1, 1, 1, 1, 1)).round().to(torch.int8), scales


def _whole(
    planes: Int8[Tensor, "mode 3 m m micro"], scales: Float[Tensor, " mode"]
) -> Float[Tensor, "mode 3 m m micro"]:
    return planes.float() * scales.reshape(-1, 1, 1, 1, 1)
