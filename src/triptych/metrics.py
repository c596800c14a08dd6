"""How close rendered pictures are to the true ones: PSNR, SSIM, LPIPS and their means."""

import math
import warnings
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor

Images = Float[Tensor, "view 3 height width"]


def psnr(rendered: Float[Tensor, "view 3 height width"], target: Float[Tensor, "view 3 height width"]) -> list[float]:
    """Peak signal-to-noise ratio of each view in dB, over all its pixels, after clamping to [0, 1]."""
    errors = (rendered.clamp(0, 1) - target).square().mean(dim=(1, 2, 3))
    return [-10 * math.log10(max(error, 1e-10)) for error in errors.tolist()]


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; NaN of nothing."""
    return float(torch.tensor(values, dtype=torch.float64).mean()) if values else math.nan


def ssim(rendered: Float[Tensor, "view 3 height width"], target: Float[Tensor, "view 3 height width"]) -> list[float]:
    """Structural similarity of each view (Wang et al. 2004; Gaussian window of deviation 1.5), images in [0, 1]."""
    from torchmetrics.functional.image import structural_similarity_index_measure

    values = structural_similarity_index_measure(rendered.clamp(0, 1), target, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.reshape(-1).tolist()


def lpips_or_reason() -> "Callable[[Images, Images], list[float]] | str":
    """LPIPS (Zhang et al. 2018, VGG) where its library and weights are at hand, else one line that says why not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            network = LearnedPerceptualImagePatchSimilarity(net_type="vgg", normalize=True)
    except ModuleNotFoundError:
        return 'LPIPS left out: pip install "triptych[lpips]" to have it'
    except Exception as error:  # its weights cannot be downloaded
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return f"LPIPS left out ({reason})"

    def measure(rendered: Images, target: Images) -> list[float]:
        values = []
        for one, other in zip(rendered.cpu().clamp(0, 1), target.cpu(), strict=True):
            with torch.no_grad():
                values.append(float(network(one[None], other[None])))
        return values

    return measure
