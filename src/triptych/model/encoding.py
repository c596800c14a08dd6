"""Latents of the views of a dataset."""

import torch
from jaxtyping import Float
from torch import Tensor

from triptych.data.posed_views import PosedViews
from triptych.model.category_model import CategoryModel


@torch.no_grad()
def encode_views(
    model: CategoryModel,
    views: PosedViews,
    device: torch.device,
    views_at_once: int = 32,
    precision: torch.dtype = torch.half,
) -> Float[Tensor, "row channel height width"]:
    """Normalized latents of all views, on the CPU; those of many scenes are better kept in half precision."""
    parts = []
    for first in range(0, len(views), views_at_once):
        batch = views.group(range(first, min(first + views_at_once, len(views))))
        parts.append(model.encode(views.images(batch, device)).to(precision).cpu())
    return torch.cat(parts)
