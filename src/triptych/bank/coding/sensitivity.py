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
from triptych.representation import kernels
from triptych.representation.config import SamplingConfig
from triptych.representation.field import TriPlaneField
from triptych.representation.kernels.comparison import Comparison
from triptych.representation.planes import of_micro
from triptych.representation.render import random_places
from triptych.representation.sampler import PixelRays, Sampler

_PROBED = (40.0, 36.0), (-10.0, 96.0)
"""Elevation and azimuth of the first of the pictures around that random sums are taken of, in degrees; and ..."""
_COMPARED = ((15.0, 66.0),)
"""... of those that tell how much noise there is: from other sides, where nothing has been fitted to them."""
_VIEWS = 3
"""Around, from each of these on."""
_LEAST_RAYS = 32
"""Along the longer side of a picture."""
_SAMPLES = 64
"""Of a ray, at most."""
_SHOWN = 0.9
"""Of the effects found: fewer samples of a ray show each texel more, and scenes shall take no more bytes for that."""
_FAR = 1e6
"""How far away targets are."""
_REGULAR = 1e-4
"""Of the mean variance of the components, added to each: none may be without any."""
_PENALTY = 0.15
"""What a step of magnitude costs, in half squared steps, where a coefficient has the mean effect."""
_MEAN_SHARE = 0.15
"""Of a coefficient's effect, so much is taken to be the mean one, as few rays do not see all places; then no magnitude
loses more than a step, either: effects are those of small changes."""
_MOST_EFFECT = 4.0
"""In relation to the mean."""
_TRIES = 5
_NEAR_DECIBELS = 1.5


@torch.no_grad()
def rounded(scene: Scene, decibels: float) -> Scene:
    """A scene rounded so that its pictures change by noise of about so many decibels, ready to be stored as it is.

    The noise is measured, and as long as there is more, the steps become smaller.

    Args:
        scene: a scene; one that has a coding, as those of compact banks, is returned as it is.
        decibels: PSNR between its pictures before and after.
    """
    if scene.coding is not None or not scene.micro.numel():
        return scene
    start = scene.model.start_micro.cpu()
    residual = (scene.micro.detach().cpu() - start).numpy()
    if not (np.isfinite(residual).all() and scene.coefficients.isfinite().all()):
        return scene
    gradients, cameras = _gradients(scene), _cameras(scene.model, _COMPARED)
    before = _pictures(scene, scene.micro, cameras)
    basis = _basis(residual, gradients)
    coefficients, effect = layout.coefficients_of(residual, basis), _effect(gradients, np.linalg.inv(basis).T)
    goal = decibels
    for _ in range(_TRIES):
        numbers, coding = _numbers(coefficients, basis, effect, goal)
        if np.abs(numbers).max() > symbols.MOST:
            break
        micro = layout.planes_of(numbers.astype(np.int32), start, coding)
        micro = micro.to(scene.micro.device)
        short = decibels - mean(psnr(_pictures(scene, micro, cameras), before))
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


def _gradients(scene: Scene) -> Float[np.ndarray, "probe 3 k k micro"]:
    """Gradients of random sums over a picture of the scene each, whose squares are on average mean squares over pixels.

    Those of a squared error are weighted by how far the targets are off. With targets so far away, in proportion to a
    sum's weights, what is there does not matter, and pictures are rendered and differentiated in one pass.
    """
    model, cameras = scene.model, _cameras(scene.model, _PROBED)
    targets = -_FAR * model.as_pixels(_of_random_sums(scene, cameras))
    rays = model.latent_rays(cameras, [1] * len(cameras), PixelRays(1))
    comparison = Comparison(targets, scene.behind(cameras))
    with torch.enable_grad():
        probed = scene.field.planes.detach().repeat(len(cameras), 1, 1, 1, 1).requires_grad_(True)
        field = _as_occupied(scene, probed)
        error = kernels.squared_error(field, rays, _sampling(model), random_places(rays, None), comparison)
        (found,) = torch.autograd.grad(error, probed)
    return of_micro(model.config.planes, found.mul_(targets.numel() / 2 / _FAR)).cpu().numpy()


def _of_random_sums(scene: Scene, cameras: Cameras) -> Float[Tensor, "view channel latent_height latent_width"]:
    """Their gradients in latents, one after the other, as decoders take much memory."""
    model, generator, found = scene.model, torch.Generator().manual_seed(0), []
    height, width = model.latent_size_of(cameras.height, cameras.width)
    if model.is_image_space:  # there they do not follow from what is seen
        latents = scene.micro.new_zeros(len(cameras), 3, height, width)
    else:
        latents = torch.cat([_latents(scene, scene.field.planes, cameras[[view]]) for view in range(len(cameras))])
    for latent in latents:
        with torch.enable_grad():
            leaf = latent[None].requires_grad_(True)
            image = _decoded(model, leaf)
            signs = 2.0 * torch.randint(0, 2, image.shape, generator=generator).to(image) - 1
            found += torch.autograd.grad(image, leaf, signs / math.sqrt(image.numel()))
    return torch.cat(found)


def _pictures(
    scene: Scene, micro: Float[Tensor, "3 k k micro"], cameras: Cameras
) -> Float[Tensor, "view 3 height width"]:
    planes = scene.model.field(micro[None], scene.coefficients[None]).planes
    return _decoded(scene.model, _latents(scene, planes, cameras)).clamp(0, 1)


def _latents(
    scene: Scene, planes: Float[Tensor, "1 3 k k feature"], cameras: Cameras
) -> Float[Tensor, "view channel height width"]:
    """Latents with one ray per pixel, from planes about as those of the scene."""
    model, sampler = scene.model, Sampler(_sampling(scene.model))
    field, behind = _as_occupied(scene, planes), scene.behind(cameras)
    channels = model.render_latents(field, cameras, [len(cameras)], behind, sampler).channels
    return model.as_images(channels, model.latent_size_of(cameras.height, cameras.width))


def _as_occupied(scene: Scene, planes: Float[Tensor, "copy 3 k k feature"]) -> TriPlaneField:
    """Planes about as those of the scene, sampled where that has matter."""
    occupancy = scene.field.occupancy
    return replace(
        scene.field, planes=planes, occupancy=None if occupancy is None else occupancy.expand(len(planes), -1, -1)
    )


def _sampling(model: CategoryModel) -> SamplingConfig:
    sampling = model.config.sampling
    return replace(sampling, supersample=1, coarse=min(_SAMPLES, sampling.coarse))


def _decoded(
    model: CategoryModel, latents: Float[Tensor, "view channel latent_height latent_width"]
) -> Float[Tensor, "view 3 height width"]:
    with in_single_precision():
        return model.decode(latents)


def _cameras(model: CategoryModel, first: tuple[tuple[float, float], ...]) -> Cameras:
    """Around the scene box.

    In image space a picture has at least half as many rays along its longer side as a plane has texels: more would take
    longer and tell about the same. A decoder gets latents of the size that it was trained on.
    """
    height, width = model.config.height, model.config.width
    enough = max(model.config.planes.resolution // 2, _LEAST_RAYS)
    coarser = max(1, max(height, width) // enough) if model.is_image_space else 1
    size = max(1, height // coarser), max(1, width // coarser)
    around = Orbit.around(model.aabb, _VIEWS)
    orbits = [replace(around, elevation_degrees=up, azimuth_degrees=turned).cameras(*size) for up, turned in first]
    return Cameras.together(orbits).to(model.aabb.device)


def _effect(
    gradients: Float[np.ndarray, "probe 3 k k micro"], basis: Float[np.ndarray, "feature component"]
) -> Float[np.ndarray, "3 k k component"]:
    """The mean square of the gradients' coefficients, but for what too few samples add."""
    total = np.zeros_like(gradients[0])
    for gradient in gradients:
        total += np.square(layout.coefficients_of(gradient, basis))
    return total * (_SHOWN / len(gradients))


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
    coefficients: Float[np.ndarray, "3 k k component"],
    basis: Float[np.ndarray, "feature component"],
    effect: Float[np.ndarray, "3 k k component"],
    decibels: float,
) -> tuple[Float[np.ndarray, "3 k k component"], Coding]:
    """Coefficients in whole steps that all add equal noise, together so much."""
    side = effect.shape[1]
    of_level = _of_levels(effect)
    mean_effect = np.maximum(of_level, 1e-12 * of_level.max() + 1e-30)
    noise = 12 * 10 ** (-decibels / 10) / effect.size  # a step's square is twelve times that of its mean error
    steps = layout.nearest_steps(np.sqrt(noise / mean_effect))
    coding = Coding(np.rint(basis * layout.UNIT).astype(np.int8), steps)
    relative = _smoothed(effect) / mean_effect.astype(effect.dtype)[wavelet.level_map(side)]
    relative = np.minimum((1 - _MEAN_SHARE) * relative + _MEAN_SHARE, _MOST_EFFECT)
    sizes = coefficients / coding.step_map(side).astype(coefficients.dtype)
    magnitudes = np.rint(np.abs(sizes) - _PENALTY / relative)
    return np.copysign(np.maximum(magnitudes, 0), sizes), coding


def _of_levels(values: Float[np.ndarray, "3 k k component"]) -> Float[np.ndarray, "level component"]:
    """Means over the bands of each level."""
    side = values.shape[1]
    sums, counts = np.zeros((wavelet.levels_of(side) + 1, values.shape[-1])), np.zeros((wavelet.levels_of(side) + 1, 1))
    for top, left, rows, columns, level in wavelet.bands_of(side):
        band = values[:, top : top + rows, left : left + columns]
        sums[level] += band.sum(axis=(0, 1, 2), dtype=np.float64)
        counts[level] += 3 * rows * columns
    return sums / counts


def _smoothed(values: Float[np.ndarray, "3 k k component"]) -> Float[np.ndarray, "3 k k component"]:
    """Means of each and its neighbors, in its band alone."""
    found = values.copy()
    for top, left, rows, columns, _ in wavelet.bands_of(values.shape[1]):
        band = found[:, top : top + rows, left : left + columns]
        _add_neighbors(band.swapaxes(0, 1))
        _add_neighbors(band.swapaxes(0, 2))
    return found / 9


def _add_neighbors(values: Float[np.ndarray, "place *other"]) -> None:
    """Add to each the one before and the one after, itself at either end."""
    before = np.concatenate([values[:1], values[:-1]])
    after = np.concatenate([values[1:], values[-1:]])
    values += before
    values += after
