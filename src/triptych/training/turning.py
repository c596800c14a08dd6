"""Pairs of the same picture turned, stretched and shifted in two ways, and what one's latents make of the other.

Seen from another side, a small part of a surface is the same picture under an affine map. Latents that follow such
maps, as rendered latents do, can be explained by a scene in three dimensions; those of an autoencoder trained for its
pictures alone cannot. (Equivariance regularization, Kouzelis et al. 2025, arXiv 2502.09509, asks the same of rotations
and scales, for diffusion.)
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from triptych.autoencoder import Autoencoder
from triptych.geometry.silhouettes import silhouettes

_SOURCE, _TARGET = 80, 48
"""Sides in pixels of what is encoded, and of what is compared: small enough to lie within the other's, turned."""
_EDGE = 4
"""Pixels at the edges of a picture that do not count: an autoencoder pads there."""
_SCALE, _LARGEST_SCALE, _STRETCH = 0.15, 0.35, 0.2
"""Deviations of the logarithms of scale and of stretch; scales beyond the largest are cut off."""
_CLOSE, _APART = 20.0, 6.0
"""Pixels of the picture by which the middles of a pair are from a pixel that shows something, and from each other."""
_RAYS = 2
"""Lookups along each side of a latent pixel."""
_COARSE = 4
"""Latent pixels along each side of a block of coarse noise."""
_POINTS = 3
"""Samples along each side of a pixel."""


@dataclass(frozen=True)
class TurnedPair:
    """Two cuttings of each picture.

    Attributes:
        source: what is encoded.
        target: the same place under another map.
        source_from_target: where in the source a place of the target lies: A and b of x_source = A x_target + b, in
            pixels from the middles.
    """

    source: Float[Tensor, "view 3 source source"]
    target: Float[Tensor, "view 3 target target"]
    source_from_target: Float[Tensor, "view 2 3"]


@dataclass(frozen=True)
class TurnedLosses:
    """Mean squared errors.

    Attributes:
        ae: L_ae of the targets: |x - D(E(x))|².
        turned: |x - D(T E(x'))|², where T takes latents of the source x' to the target x.
        latents: |E(x) - T E(x')|², in variances of each channel.
    """

    ae: Float[Tensor, ""]
    turned: Float[Tensor, ""]
    latents: Float[Tensor, ""]


def turned_pairs(
    images: Float[Tensor, "view 3 height width"],
    background: Float[Tensor, "3"],
    zoom: float,
    generator: torch.Generator,
) -> TurnedPair:
    """Cut two random pieces, around the same place, out of each picture.

    Args:
        images: pictures in [0, 1].
        background: color behind what they show, and beyond their edges.
        zoom: pixels of the pictures to one of the pieces, on average.
        generator: on the CPU.
    """
    middle = _middles(images, background, zoom, generator)
    apart = zoom * _APART * (torch.rand(len(images), 2, generator=generator) - 0.5).to(images)
    maps = [_random_maps(len(images), zoom, generator).to(images) for _ in range(2)]
    source = _cut(images, background, maps[0], middle + apart, _SOURCE)
    target = _cut(images, background, maps[1], middle, _TARGET)
    back = torch.linalg.inv(maps[0])
    return TurnedPair(source, target, torch.cat([back @ maps[1], -(back @ apart[..., None])], dim=-1))


def turned_losses(autoencoder: Autoencoder, pair: TurnedPair, noise: float, generator: torch.Generator) -> TurnedLosses:
    """What an autoencoder makes of pairs.

    Args:
        autoencoder: E and D.
        pair: pieces of pictures.
        noise: largest deviation of the noise on turned latents, in those of each channel. Without any, latents hide
            what a picture shows in differences so small that no scene has them right.
        generator: on the CPU.
    """
    side = autoencoder.downscale
    encoded, expected = autoencoder.encode(pair.source), autoencoder.encode(pair.target)
    turned, seen = _turned(encoded, pair.source_from_target, expected.shape[-1], side)
    variance = expected.detach().var(dim=(0, 2, 3), keepdim=True).clamp_min(1e-6)
    noisy = turned + noise * variance.sqrt() * _noise(turned, generator) if noise else turned
    from_source, from_target = autoencoder.decode(torch.cat([noisy, expected])).chunk(2)
    in_pixels = seen.repeat_interleave(side, 1).repeat_interleave(side, 2) & _inner(pair.target)
    return TurnedLosses(
        ae=_mean((from_target - pair.target).square(), _inner(pair.target).expand_as(in_pixels)),
        turned=_mean((from_source - pair.target).square(), in_pixels),
        latents=_mean((turned - expected).square() / variance, seen),
    )


def recolored(
    images: Float[Tensor, "view 3 height width"],
    background: Float[Tensor, "3"],
    share: float,
    generator: torch.Generator,
) -> Float[Tensor, "view 3 height width"]:
    """This share of the pictures in other colors: channels swapped, scaled and mixed; the background keeps its own."""
    mixed = []
    for image in images:
        chosen, order = torch.rand((), generator=generator) < share, torch.randperm(3, generator=generator)
        gain, mix = torch.rand(3, generator=generator) + 0.3, torch.rand(3, 3, generator=generator) / 2
        colors = (0.7 * torch.eye(3)[order] * gain + 0.3 * mix) if chosen else torch.eye(3)
        mixed.append(torch.einsum("cd,dyx->cyx", colors.to(images), image - background[:, None, None]))
    return (torch.stack(mixed) + background[:, None, None]).clamp(0, 1)


def _middles(images: Tensor, background: Tensor, zoom: float, generator: torch.Generator) -> Float[Tensor, "view 2"]:
    """A place (x, y) near one that shows something, in each picture."""
    width = images.shape[3]
    weights = silhouettes(images, background).flatten(1).double().cpu()
    places = torch.multinomial(weights, 1, generator=generator)[:, 0]
    near = zoom * _CLOSE * (torch.rand(len(images), 2, generator=generator) - 0.5)
    return (torch.stack([places % width, places // width], dim=1) + near).to(images)


def _random_maps(count: int, zoom: float, generator: torch.Generator) -> Float[Tensor, "view 2 2"]:
    """Rotate, stretch, rotate again; half of them mirrored. From pixels of a piece to those of the picture."""
    first, second = (2 * math.pi * torch.rand(count, generator=generator) for _ in range(2))
    scale = zoom * (_SCALE * torch.randn(count, generator=generator)).clamp(-_LARGEST_SCALE, _LARGEST_SCALE).exp()
    stretch = (_STRETCH * torch.randn(count, generator=generator)).exp()
    mirrored = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    sizes = torch.diag_embed(torch.stack([scale * stretch * mirrored, scale / stretch], dim=-1))
    return _rotations(first) @ sizes @ _rotations(second)


def _rotations(angles: Float[Tensor, " view"]) -> Float[Tensor, "view 2 2"]:
    cosine, sine = angles.cos(), angles.sin()
    return torch.stack([torch.stack([cosine, -sine], dim=-1), torch.stack([sine, cosine], dim=-1)], dim=-2)


def _cut(images: Tensor, background: Tensor, maps: Tensor, middle: Tensor, side: int) -> Tensor:
    """A piece of each picture, a pixel the mean of several points in it; the background beyond the picture's edges."""
    places = torch.einsum("vij,yxj->vyxi", maps, _grid(side, _POINTS).to(images)) + middle[:, None, None]
    size = places.new_tensor([images.shape[3], images.shape[2]])
    behind = background[:, None, None]
    points = F.grid_sample(images - behind, 2 * places / size - 1, padding_mode="zeros", align_corners=False)
    return F.avg_pool2d(points, _POINTS) + behind


def _grid(side: int, points: int) -> Float[Tensor, "row column 2"]:
    """Places (x, y) from the middle of a piece, so many to a pixel."""
    along = (torch.arange(side * points) + 0.5) / points - side / 2
    y, x = torch.meshgrid(along, along, indexing="ij")
    return torch.stack([x, y], dim=-1)


def _turned(
    latents: Tensor, source_from_target: Tensor, size: int, side: int
) -> tuple[Tensor, Bool[Tensor, "view row column"]]:
    """Latents of the source where the target's lie, each the mean of several lookups; and which of them it has."""
    places = side * _grid(size, _RAYS).to(latents)
    places = (
        torch.einsum("vij,yxj->vyxi", source_from_target[..., :2], places) + source_from_target[:, None, None, :, 2]
    )
    reach = latents.shape[-1] * side / 2
    found = F.grid_sample(latents, places / reach, align_corners=False)
    seen = (places.abs() < reach - _EDGE).all(dim=-1)
    every = -F.max_pool2d(-seen[:, None].float(), _RAYS)[:, 0]
    return F.avg_pool2d(found, _RAYS), every > 0


def _noise(latents: Tensor, generator: torch.Generator) -> Tensor:
    """Noise of deviation 1 times another random strength for each view, half of it coarse: fine noise alone averages
    out between neighbors."""
    views, channels, height, width = latents.shape
    fine = torch.randn(latents.shape, generator=generator)
    coarse = torch.randn(views, channels, -(-height // _COARSE), -(-width // _COARSE), generator=generator)
    coarse = coarse.repeat_interleave(_COARSE, 2).repeat_interleave(_COARSE, 3)[:, :, :height, :width]
    strength = torch.rand(views, 1, 1, 1, generator=generator)
    return (strength * (fine + coarse) / math.sqrt(2)).to(latents)


def _inner(pictures: Tensor) -> Bool[Tensor, "1 row column"]:
    """All but the pixels at the edges."""
    inner = torch.zeros(1, *pictures.shape[2:], dtype=torch.bool, device=pictures.device)
    inner[:, _EDGE:-_EDGE, _EDGE:-_EDGE] = True
    return inner


def _mean(errors: Float[Tensor, "view channel row column"], counted: Bool[Tensor, "view row column"]) -> Tensor:
    return (errors * counted[:, None]).sum() / (errors.shape[1] * counted.sum()).clamp_min(1)
