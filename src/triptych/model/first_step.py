"""The first step of a new scene along modes of variation and base planes, as its category has learned it.

Adam's first step is as long for every direction, and knows nothing of how directions go together. Where many scenes
have been fitted from the same start, their slopes there and the ways that they then went are known, and the matrix that
takes the ones to the others with the least squared error takes a new scene to where it would need several steps: one
step of learned gradient descent (Andrychowicz et al. 2016; Flynn et al. 2019), in so few numbers that it is solved for.
"""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor, nn

from triptych.autoencoder.saving import check_weights
from triptych.files import read_tensors, write_sealed_tensors

FIRST_STEP_FILE = "first_step.safetensors"
_MATRIX, _FORETOLD = "matrix", "foretold"
_PARTS = 5
"""Of the scenes, each of which is left out once to see how well the others foretell it."""
_STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Of the penalty on the matrix, each number of which counts in standard deviations of its slope."""


class FirstStep(nn.Module):
    """What a category has learned; nothing at first.

    Attributes:
        matrix: from slopes, and a constant, to ways along modes and base planes.
        foretold: share of the squares of ways that it foretold of scenes that were left out; 0 where none is learned.
    """

    matrix: Float[Tensor, "slope place"]
    foretold: Float[Tensor, ""]

    def __init__(
        self, matrix: Float[Tensor, "slope place"] | None = None, foretold: Float[Tensor, ""] | float = 0.0
    ) -> None:
        super().__init__()
        self.register_buffer("matrix", torch.zeros(0, 0) if matrix is None else matrix, persistent=False)
        self.register_buffer("foretold", torch.as_tensor(foretold), persistent=False)

    @property
    def is_learned(self) -> bool:
        """Whether there is one."""
        return len(self.matrix) > 0


@torch.no_grad()
def learned_first_step(slopes: Float[Tensor, "scene look place"], ways: Float[Tensor, "scene place"]) -> FirstStep:
    """What ridge regression finds; nothing where it would not foretell scenes that are left out.

    Args:
        slopes: of each scene's loss at the start by its place along each mode and base plane, as several looks at it
            say.
        ways: how far each scene then went along them.
    """
    if len(slopes) < 2:
        return FirstStep()
    told = torch.cat([slopes, torch.ones_like(slopes[..., :1])], dim=-1).double()
    went = ways.double()[:, None].expand(-1, slopes.shape[1], -1)
    left_over = {strength: _left_over(told, went, strength) for strength in _STRENGTHS}
    best, whole = min(_STRENGTHS, key=left_over.__getitem__), float(went.square().sum())
    if not left_over[best] < whole:
        return FirstStep()
    return FirstStep(_solved(told, went, best).float(), 1 - left_over[best] / whole)


def ways_of(matrix: Float[Tensor, "slope place"], slopes: Float[Tensor, "scene place"]) -> Float[Tensor, "scene place"]:
    """How far scenes of these slopes go."""
    return torch.addmm(matrix[-1], slopes, matrix[:-1])


def _left_over(told: Tensor, went: Tensor, strength: float) -> float:
    """The squared error on scenes that were left out."""
    part = torch.arange(len(told)) % min(_PARTS, len(told))
    error = 0.0
    for out in part.unique():
        matrix = _solved(told[part != out], went[part != out], strength)
        error += float((told[part == out] @ matrix - went[part == out]).square().sum())
    return error


def _solved(told: Tensor, went: Tensor, strength: float) -> Tensor:
    told, went = told.flatten(0, 1), went.flatten(0, 1)
    deviations = told.std(dim=0, correction=0).clamp_min(torch.finfo(told.dtype).tiny)
    deviations[-1] = 1.0  # the constant, which is not penalized
    told = told / deviations
    penalty = torch.full_like(deviations, strength * len(told))
    penalty[-1] = 0.0
    return torch.linalg.lstsq(told.T @ told + penalty.diag(), told.T @ went).solution / deviations[:, None]


def save_first_step(first_step: FirstStep, folder: Path) -> None:
    """Write ``first_step.safetensors`` into a folder."""
    tensors = {_MATRIX: first_step.matrix.cpu().contiguous(), _FORETOLD: first_step.foretold.cpu()}
    write_sealed_tensors(folder / FIRST_STEP_FILE, tensors, {})


def load_first_step(folder: Path, places: int) -> FirstStep:
    """Read back what ``save_first_step`` wrote; none where the folder holds none.

    Args:
        folder: of the category model.
        places: modes and base planes of the model.

    Raises:
        InputError: the file is damaged or of another model.
    """
    path = folder / FIRST_STEP_FILE
    if not path.exists():
        return FirstStep()
    tensors, _ = read_tensors(path)
    check_weights(path, tensors, {_MATRIX: torch.zeros(places + 1, places), _FORETOLD: torch.zeros(())})
    return FirstStep(tensors[_MATRIX], tensors[_FORETOLD])
