"""How close rendered pictures are to the true ones: PSNR, SSIM, LPIPS and their means."""

import math
import warnings
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

_DEVIATION, _REACH = 1.5, 5
"""Of the Gaussian window of SSIM, in pixels; it ends after so many."""
_C1, _C2 = 0.01**2, 0.03**2
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
    taps = torch.exp(-0.5 * (torch.arange(-_REACH, _REACH + 1, device=target.device) / _DEVIATION) ** 2)
    taps = taps / taps.sum()
    window = torch.outer(taps, taps).expand(3, 1, -1, -1)

    def local_mean(images: Images) -> Images:
        return F.conv2d(F.pad(images, [_REACH] * 4, mode="reflect"), window, groups=3)

    x, y = rendered.clamp(0, 1), target
    mean_x, mean_y = local_mean(x), local_mean(y)
    of_x, of_y = ((local_mean(z * z) - m * m).clamp(min=0) for z, m in ((x, mean_x), (y, mean_y)))
    together = local_mean(x * y) - mean_x * mean_y
    luminance = (2 * mean_x * mean_y + _C1) / (mean_x * mean_x + mean_y * mean_y + _C1)
    return (luminance * (2 * together + _C2) / (of_x + of_y + _C2)).mean(dim=(1, 2, 3)).tolist()


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
