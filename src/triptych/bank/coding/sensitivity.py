"""How much a scene's micro planes can be rounded before its pictures change: a coding for each scene.

Random pictures of +-1, taken back through decoder and renderer, give random gradients of the micro planes, whose
products are on average J^T J, J being how the pictures follow from the planes. In components in which both these and
what the scene adds to the mean scene are uncorrelated, each level of each component is rounded to a step in inverse
proportion to its mean effect on the pictures, so that all add equal noise. The less effect a coefficient has in
comparison with others of its kind, the more its magnitude is rounded down: it costs more bytes than it is worth.
"""

import math
from contextlib import suppress
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from triptych.autoencoder.precision import in_single_precision
from triptych.bank.coding import layout, symbols, wavelet
from triptych.bank.coding.layout import Coding
from triptych.bank.scene import Scene
from triptych.errors import InputError
from triptych.geometry import Cameras, Orbit
from triptych.metrics import mean, psnr
from triptych.model import CategoryModel
from triptych.representation.sampler import Sampler

_ELEVATIONS = (40.0, -10.0)
_VIEWS = 3
"""Around each of the elevations."""
_COMPARED = slice(None, None, 2)
"""Which of these pictures tell how much noise there is."""
_REGULAR = 1e-4
"""Of the mean variance of the components, added to each: none may be without any."""
_PENALTY = 0.15
"""What a step of magnitude costs, in half squared steps, where a coefficient has the mean effect."""
_LEAST_EFFECT, _MOST_EFFECT = 0.15, 4.0
"""In relation to the mean: no magnitude loses more than a step, as effects are those of small changes."""
_TRIES = 5
_NEAR_DECIBELS = 1.5


def rounded(scene: Scene, decibels: float) -> Scene:
    """A scene rounded so that its pictures change by noise of about so many decibels, ready to be stored as it is.

    The noise is measured, and as long as there is more, the steps become smaller.

    Args:
        scene: a scene; one that has a coding, as those of compact banks, is returned as it is.
        decibels: PSNR between its pictures before and after.
    """
    if scene.coding is not None or not scene.micro.numel() or not _can_be_rounded(scene):
        return scene
    start = scene.model.start_micro.cpu()
    residual = scene.micro.detach().cpu().double().numpy() - start.double().numpy()
    gradients, before = _gradients(scene)
    basis = _basis(residual, gradients)
    effects = layout.coefficients_of(gradients, np.linalg.inv(basis).T) ** 2
    coefficients, effect = layout.coefficients_of(residual, basis), effects.mean(axis=0, dtype=np.float64)
    goal = decibels
    for _ in range(_TRIES):
        numbers, coding = _numbers(coefficients, basis, effect, goal)
        if np.abs(numbers).max() > symbols.MOST:
            break
        micro = layout.planes_of(numbers.astype(np.int32), start, coding)
        micro = micro.to(scene.micro.device)
        short = decibels - mean(psnr(_compared_pictures(scene, micro), before[_COMPARED]))
        if short < _NEAR_DECIBELS:
            return replace(scene, micro=micro, coding=coding)
        goal += short
    return _plainly_rounded(scene)


def _plainly_rounded(scene: Scene) -> Scene:
    """Where small changes say nothing about larger ones, as in a scene without any matter."""
    start, (_, side, _, features) = scene.model.start_micro.cpu(), scene.micro.shape
    with suppress(InputError):
        micro, coding = layout.decode(layout.encode(scene.micro, start, Coding.plain(features, side)), start)
        return replace(scene, micro=micro.to(scene.micro.device), coding=coding)
    return scene


def _can_be_rounded(scene: Scene) -> bool:
    return bool(scene.micro.isfinite().all() and scene.coefficients.isfinite().all())


def _gradients(scene: Scene) -> tuple[Float[np.ndarray, "probe 3 k k micro"], Float[Tensor, "probe 3 height width"]]:
    """Gradients of random sums over a picture of the scene, whose squares are on average mean squares over pixels; and
    these pictures."""
    generator, found, pictures = torch.Generator().manual_seed(0), [], []
    for camera in _cameras(scene.model):
        micro = scene.micro.detach().clone().requires_grad_(True)
        with torch.enable_grad():
            images = _picture(scene, micro, camera)
            signs = 2.0 * torch.randint(0, 2, images.shape, generator=generator).to(images) - 1
            (gradient,) = torch.autograd.grad((images * signs).sum(), micro)
        found.append(gradient.cpu().numpy() / math.sqrt(images.numel()))
        pictures.append(images.detach())
    return np.stack(found), torch.cat(pictures).clamp(0, 1)


@torch.no_grad()
def _compared_pictures(scene: Scene, micro: Float[Tensor, "3 k k micro"]) -> Float[Tensor, "view 3 height width"]:
    return torch.cat([_picture(scene, micro, camera) for camera in _cameras(scene.model)[_COMPARED]]).clamp(0, 1)


def _picture(scene: Scene, micro: Float[Tensor, "3 k k micro"], camera: Cameras) -> Float[Tensor, "1 3 h w"]:
    """A differentiable picture with one ray per latent pixel, from micro planes about as those of the scene."""
    model = scene.model
    field = replace(model.field(micro[None], scene.coefficients[None]), occupancy=scene.field.occupancy)
    sampler = Sampler(replace(model.config.sampling, supersample=1))
    rendering = model.render_latents(field, camera, [1], scene.behind(camera), sampler)
    size = model.latent_size_of(camera.height, camera.width)
    with in_single_precision():
        return model.decode(model.as_images(rendering.channels, size))


def _cameras(model: CategoryModel) -> list[Cameras]:
    """Around the scene box, one by one.

    In image space a picture has about as many rays along a side as a plane has texels: more would take longer and tell
    the same. A decoder gets latents of the size that it was trained on.
    """
    height, width = model.config.height, model.config.width
    coarser = max(1, round(max(height, width) / model.config.planes.resolution)) if model.is_image_space else 1
    size = max(1, height // coarser), max(1, width // coarser)
    around = Orbit.around(model.aabb, _VIEWS)
    orbits = [replace(around, elevation_degrees=degrees).cameras(*size) for degrees in _ELEVATIONS]
    return [cameras[[view]].to(model.aabb.device) for cameras in orbits for view in range(_VIEWS)]


def _basis(
    residual: Float[np.ndarray, "3 k k micro"], gradients: Float[np.ndarray, "probe 3 k k micro"]
) -> Float[np.ndarray, "feature component"]:
    """Components in which both are uncorrelated, as a coding can hold them, those of large effect first."""
    effect = _regular(_products(gradients))
    variances, directions = np.linalg.eigh(effect)
    root = (directions * np.sqrt(variances)) @ directions.T
    _, turned = np.linalg.eigh(root @ _regular(_products(residual)) @ root)
    basis = np.linalg.solve(root, turned[:, ::-1])
    held = np.rint(basis / np.abs(basis).max(axis=0) * (layout.UNIT - 1)) / layout.UNIT
    return held if np.linalg.cond(held) < 1e6 else np.eye(len(held)) * (layout.UNIT - 1) / layout.UNIT


def _products(rows: Float[np.ndarray, "*row micro"]) -> Float[np.ndarray, "micro micro"]:
    flat = rows.reshape(-1, rows.shape[-1])
    return (flat.T @ flat).astype(np.float64)


def _regular(products: Float[np.ndarray, "micro micro"]) -> Float[np.ndarray, "micro micro"]:
    """Of full rank; the identity where there is nothing."""
    mean = np.trace(products) / len(products)
    return products + _REGULAR * mean * np.eye(len(products)) if mean > 0 else np.eye(len(products))


def _numbers(
    coefficients: Float[np.ndarray, "3 component k k"],
    basis: Float[np.ndarray, "feature component"],
    effect: Float[np.ndarray, "3 component k k"],
    decibels: float,
) -> tuple[Float[np.ndarray, "3 component k k"], Coding]:
    """Coefficients in whole steps that all add equal noise, together so much."""
    side = effect.shape[-1]
    levels = wavelet.level_map(side)
    of_level = np.stack([effect[..., levels == level].mean(axis=(0, 2)) for level in range(levels.max() + 1)])
    mean_effect = np.maximum(of_level, 1e-12 * of_level.max() + 1e-30)
    noise = 12 * 10 ** (-decibels / 10) / effect.size  # a step's square is twelve times that of its mean error
    steps = layout.nearest_steps(np.sqrt(noise / mean_effect))
    coding = Coding(np.rint(basis * layout.UNIT).astype(np.int8), steps)
    share = _smoothed(effect) / mean_effect[levels].transpose(2, 0, 1)
    sizes = coefficients / coding.step_map(side)
    magnitudes = np.rint(np.abs(sizes) - _PENALTY / np.clip(share, _LEAST_EFFECT, _MOST_EFFECT))
    return np.copysign(np.maximum(magnitudes, 0), sizes), coding


def _smoothed(values: Float[np.ndarray, "3 component k k"]) -> Float[np.ndarray, "3 component k k"]:
    """Means of each and its neighbors, in its band alone."""
    found = np.empty_like(values)
    for top, left, rows, columns, _ in wavelet.bands_of(values.shape[-1]):
        place = (..., slice(top, top + rows), slice(left, left + columns))
        band = np.pad(values[place], ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        band = band[..., :-2] + band[..., 1:-1] + band[..., 2:]
        found[place] = (band[..., :-2, :] + band[..., 1:-1, :] + band[..., 2:, :]) / 9
    return found
