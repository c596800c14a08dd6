"""How close rendered pictures are to the true ones."""

import warnings
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics.functional.image import structural_similarity_index_measure

Images = Float[Tensor, "view 3 height width"]


def ssim(found: Float[Tensor, "view 3 height width"], wanted: Float[Tensor, "view 3 height width"]) -> list[float]:
    """Structural similarity of each view (Wang et al. 2004; Gaussian window of deviation 1.5), images in [0, 1]."""
    values = structural_similarity_index_measure(found.clamp(0, 1), wanted, data_range=1.0, reduction="none")
    assert isinstance(values, Tensor)
    return values.reshape(-1).tolist()


def lpips_or_reason() -> "Callable[[Images, Images], list[float]] | str":
    """LPIPS (Zhang et al. 2018, VGG) where its library and weights are at hand, else one line that says why not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

            network = LearnedPerceptualImagePatchSimilarity(net_type="vgg", normalize=True)
    except Exception as error:  # the library is missing, or its weights cannot be downloaded
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        return f"LPIPS left out ({reason}); install triptych[lpips] to have it"

    def measure(found: Images, wanted: Images) -> list[float]:
        values = []
        for one, other in zip(found.cpu().clamp(0, 1), wanted.cpu(), strict=True):
            with torch.no_grad():
                values.append(float(network(one[None], other[None])))
        return values

    return measure
