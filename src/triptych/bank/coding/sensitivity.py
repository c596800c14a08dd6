"""How much a scene's micro planes can be rounded before its pictures change: a coding for each scene.

Random pictures of +-1, taken back through decoder and renderer, give random gradients of the micro planes, whose
products are on average J^T J, J being how the pictures follow from the planes. In components in which both these and
what the scene adds to the mean scene are uncorrelated, each level of each component is rounded to a step in inverse
proportion to its mean effect on the pictures, so that all add equal noise. The less effect a coefficient has in
comparison with others of its kind, the more its magnitude is rounded down: it costs more bytes than it is worth.
"""

import math
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float

from triptych.bank.coding import layout, symbols, wavelet
from triptych.bank.coding.layout import Coding
from triptych.bank.scene import Scene
from triptych.geometry import Cameras, Orbit
from triptych.model import CategoryModel
from triptych.representation.sampler import Sampler

_ELEVATIONS = (40.0, 10.0, -20.0)
_VIEWS = 4
"""Around each of the elevations."""
_REGULAR = 1e-4
"""Of the mean variance of the components, added to each: none may be without any."""
_PENALTY = 0.15
"""What a step of magnitude costs, in half squared steps, where a coefficient has the mean effect."""
_LEAST_EFFECT, _MOST_EFFECT = 1e-3, 4.0
"""In relation to the mean."""


def rounded(scene: Scene, decibels: float) -> Scene:
    """A scene rounded so that its pictures change by noise of about so many decibels, ready to be stored as it is.

    Args:
        scene: a scene; one that has a coding, as those of compact banks, is returned as it is.
        decibels: PSNR between its pictures before and after.
    """
    if scene.coding is not None or not scene.micro.numel() or not _can_be_rounded(scene):
        return scene
    start = scene.model.start_micro.cpu()
    residual = scene.micro.detach().cpu().double().numpy() - start.double().numpy()
    gradients = _gradients(scene)
    basis = _basis(residual, gradients)
    effects = [layout.coefficients_of(gradient, np.linalg.inv(basis).T) ** 2 for gradient in gradients]
    effect = np.mean(effects, axis=0)
    coding, mean_effect = _coding(basis, effect, decibels)
    sizes = layout.coefficients_of(residual, basis) / coding.step_map(residual.shape[1])
    share = np.clip(_smoothed(effect) / mean_effect, _LEAST_EFFECT, _MOST_EFFECT)
    magnitudes = np.maximum(np.rint(np.abs(sizes) - _PENALTY / share), 0)
    if magnitudes.max() > symbols.MOST:
        return scene
    numbers = np.copysign(magnitudes, sizes).astype(np.int32)
    micro = layout.planes_of(numbers, start, coding).to(scene.micro.device)
    return replace(scene, micro=micro, coding=coding)


def _can_be_rounded(scene: Scene) -> bool:
    return bool(scene.micro.isfinite().all() and scene.coefficients.isfinite().all())


def _gradients(scene: Scene) -> Float[np.ndarray, "probe 3 k k micro"]:
    """Gradients of random sums over a picture of the scene, whose squares are on average mean squares over pixels."""
    model, generator, found = scene.model, torch.Generator().manual_seed(0), []
    for camera in _cameras(model):
        micro = scene.micro.detach().clone().requires_grad_(True)
        field = replace(model.field(micro[None], scene.coefficients[None]), occupancy=scene.field.occupancy)
        sampler = Sampler(replace(model.config.sampling, supersample=1))
        with torch.enable_grad():
            rendering = model.render_latents(field, camera, [1], scene.background, sampler)
            images = model.decode(model.as_images(rendering.channels))
            signs = 2.0 * torch.randint(0, 2, images.shape, generator=generator).to(images) - 1
            (images * signs).sum().backward()
        gradient = torch.zeros_like(micro) if micro.grad is None else micro.grad
        found.append(gradient.double().cpu().numpy() / math.sqrt(images.numel()))
    return np.stack(found)


def _cameras(model: CategoryModel) -> list[Cameras]:
    """Around the scene box, one by one."""
    around = Orbit.around(model.aabb, _VIEWS)
    orbits = [model.along(replace(around, elevation_degrees=degrees)) for degrees in _ELEVATIONS]
    return [cameras[[view]] for cameras in orbits for view in range(_VIEWS)]


def _basis(
    residual: Float[np.ndarray, "3 k k micro"], gradients: Float[np.ndarray, "probe 3 k k micro"]
) -> Float[np.ndarray, "feature component"]:
    """Components in which both are uncorrelated, as a coding can hold them, those of large effect first."""
    effect = _regular(np.einsum("ipyxf,ipyxg->fg", gradients, gradients))
    variances, directions = np.linalg.eigh(effect)
    root = (directions * np.sqrt(variances)) @ directions.T
    _, turned = np.linalg.eigh(root @ _regular(np.einsum("pyxf,pyxg->fg", residual, residual)) @ root)
    basis = np.linalg.solve(root, turned[:, ::-1])
    held = np.rint(basis / np.abs(basis).max(axis=0) * (layout.UNIT - 1)) / layout.UNIT
    return held if np.linalg.cond(held) < 1e6 else np.eye(len(held)) * (layout.UNIT - 1) / layout.UNIT


def _regular(products: Float[np.ndarray, "micro micro"]) -> Float[np.ndarray, "micro micro"]:
    """Of full rank; the identity where there is nothing."""
    mean = np.trace(products) / len(products)
    return products + _REGULAR * mean * np.eye(len(products)) if mean > 0 else np.eye(len(products))


def _coding(
    basis: Float[np.ndarray, "feature component"], effect: Float[np.ndarray, "3 component k k"], decibels: float
) -> tuple[Coding, Float[np.ndarray, "component k k"]]:
    """Steps that all add equal noise, so much together; and the mean effect of each coefficient's kind."""
    levels = wavelet.level_map(effect.shape[-1])
    of_level = [effect[..., levels == level].mean(axis=(0, 2)) for level in range(levels.max() + 1)]
    mean_effect = np.maximum(np.stack(of_level), 1e-12 * np.max(of_level) + 1e-30)
    noise = 12 * 10 ** (-decibels / 10) / effect.size  # of a step, in squares: those of a uniform error have a twelfth
    steps = layout.nearest_steps(np.sqrt(noise / mean_effect))
    held = np.rint(basis * layout.UNIT).astype(np.int8)
    return Coding(held, steps), mean_effect[levels].transpose(2, 0, 1)


def _smoothed(values: Float[np.ndarray, "3 component k k"]) -> Float[np.ndarray, "3 component k k"]:
    """Means of each and its neighbors, in its band alone."""
    found = np.empty_like(values)
    for top, left, rows, columns, _ in wavelet.bands_of(values.shape[-1]):
        place = (..., slice(top, top + rows), slice(left, left + columns))
        band = np.pad(values[place], ((0, 0), (0, 0), (1, 1), (1, 1)), mode="edge")
        band = band[..., :-2] + band[..., 1:-1] + band[..., 2:]
        found[place] = (band[..., :-2, :] + band[..., 1:-1, :] + band[..., 2:, :]) / 9
    return found
