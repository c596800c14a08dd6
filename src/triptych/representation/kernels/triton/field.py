"""A block of samples of one ray: read the tri-planes, run the tiny MLP, and the transposes of both.

Texels lie channels last, so that a corner is F floats side by side. Of plane p (xy, xz, yz) with fractions u along
columns and v along rows, a sample reads

    (1 - v) (1 - u) T[r, c] + (1 - v) u T[r, c + 1] + v (1 - u) T[r + 1, c] + v u T[r + 1, c + 1]
"""

# pyright: reportAttributeAccessIssue=false, reportOperatorIssue=false, reportAssignmentType=false
# Triton compiles these functions: the type checker knows constexpr arguments and literals by other names.

import triton.language as tl

from triptych.representation.kernels.triton.language import compiled, dot, sigmoid, softplus, softplus_exact


@compiled
def _along(scenes, ray, t, axis: tl.constexpr, S: tl.constexpr):
    """Cell and fraction of samples along an axis, texel centers being integers; samples outside go to the border."""
    lower = tl.load(scenes.aabb + axis)
    scale = S.resolution / (tl.load(scenes.aabb + 3 + axis) - lower)
    offset = (tl.load(scenes.origins + 3 * ray + axis) - lower) * scale - 0.5
    place = offset + t * (tl.load(scenes.directions + 3 * ray + axis) * scale)
    place = tl.minimum(tl.maximum(place, 0.0), S.resolution - 1.0)
    cell = tl.floor(tl.minimum(place, tl.maximum(S.resolution - 2.0, 0.0)))
    return cell.to(tl.int32), place - cell


@compiled
def locate(scenes, ray, t, S: tl.constexpr):
    """Cells (x, y, z) and fractions (x, y, z) of samples at distances t along a ray."""
    x, x_part = _along(scenes, ray, t, 0, S)
    y, y_part = _along(scenes, ray, t, 1, S)
    z, z_part = _along(scenes, ray, t, 2, S)
    return x, y, z, x_part, y_part, z_part


@compiled
def _first_corners(planes, scene, place, S: tl.constexpr):
    """Pointers [sample, F] to the first corners of located samples on the planes xy, xz and yz."""
    x, y, z, _, _, _ = place
    side: tl.constexpr = S.resolution
    texels = planes + scene * (3 * side * side * S.features) + tl.arange(0, S.feature_block)[None, :]
    xy, xz, yz = y * side + x, (side + z) * side + x, (2 * side + z) * side + y
    count: tl.constexpr = S.features
    return texels + (xy * count)[:, None], texels + (xz * count)[:, None], texels + (yz * count)[:, None]


@compiled
def _read_plane(texels, mask, v, u, S: tl.constexpr):
    column: tl.constexpr = S.features if S.resolution > 1 else 0
    row: tl.constexpr = column * S.resolution
    value = ((1 - v) * (1 - u))[:, None] * tl.load(texels, mask, other=0.0)
    value += ((1 - v) * u)[:, None] * tl.load(texels + column, mask, other=0.0)
    value += (v * (1 - u))[:, None] * tl.load(texels + row, mask, other=0.0)
    return value + (v * u)[:, None] * tl.load(texels + row + column, mask, other=0.0)


@compiled
def gather(scenes, scene, place, used, S: tl.constexpr):
    """Features [sample, F] of located samples: the sum of the three planes' bilinear values; 0 where not used."""
    _, _, _, x_part, y_part, z_part = place
    mask = used[:, None] & (tl.arange(0, S.feature_block) < S.features)[None, :]
    xy, xz, yz = _first_corners(scenes.planes, scene, place, S)
    value = _read_plane(xy, mask, y_part, x_part, S) + _read_plane(xz, mask, z_part, x_part, S)
    return value + _read_plane(yz, mask, z_part, y_part, S)


@compiled
def _add(target, values, mask):
    """Add atomically; to integers, in fixed point."""
    tl.atomic_add(target, values.to(target.dtype.element_ty), mask, sem="relaxed")


@compiled
def _add_to_plane(texels, values, mask, v, u, S: tl.constexpr):
    column: tl.constexpr = S.features if S.resolution > 1 else 0
    row: tl.constexpr = column * S.resolution
    _add(texels, ((1 - v) * (1 - u))[:, None] * values, mask)
    _add(texels + column, ((1 - v) * u)[:, None] * values, mask)
    _add(texels + row, (v * (1 - u))[:, None] * values, mask)
    _add(texels + row + column, (v * u)[:, None] * values, mask)


@compiled
def scatter(planes_gradient, scene, place, values, used, S: tl.constexpr):
    """The transpose of ``gather``: add values [sample, F] to the texels that their samples read."""
    _, _, _, x_part, y_part, z_part = place
    mask = used[:, None] & (tl.arange(0, S.feature_block) < S.features)[None, :]
    xy, xz, yz = _first_corners(planes_gradient, scene, place, S)
    _add_to_plane(xy, values, mask, y_part, x_part, S)
    _add_to_plane(xz, values, mask, z_part, x_part, S)
    _add_to_plane(yz, values, mask, z_part, y_part, S)


@compiled
def hidden_weight(scenes, S: tl.constexpr):
    """[H, F], zero beyond."""
    h, f = tl.arange(0, S.hidden_block)[:, None], tl.arange(0, S.feature_block)[None, :]
    return tl.load(scenes.hidden_weight + h * S.features + f, (h < S.hidden) & (f < S.features), other=0.0)


@compiled
def output_weight(scenes, S: tl.constexpr):
    """[O, H], zero beyond."""
    o, h = tl.arange(0, S.output_block)[:, None], tl.arange(0, S.hidden_block)[None, :]
    return tl.load(scenes.output_weight + o * S.hidden + h, (o < S.outputs) & (h < S.hidden), other=0.0)


@compiled
def hidden_layer(scenes, features, S: tl.constexpr):
    """Hidden layer [sample, H] before its activation; 0 in the padding."""
    h = tl.arange(0, S.hidden_block)
    bias = tl.load(scenes.hidden_bias + h, h < S.hidden, other=0.0)
    return dot(features, tl.trans(hidden_weight(scenes, S)), S) + bias[None, :]


@compiled
def activate(before, S: tl.constexpr):
    """Activation of the hidden layer."""
    if S.relu:
        return tl.maximum(before, 0.0)
    else:  # noqa: RET505
        return softplus(before)


@compiled
def activation_slope(before, S: tl.constexpr):
    """Derivative of that activation."""
    if S.relu:
        return tl.where(before > 0.0, 1.0, 0.0)
    else:  # noqa: RET505
        return sigmoid(before)


@compiled
def output_layer(scenes, hidden, S: tl.constexpr):
    """Raw outputs [sample, O] of the MLP; what the padding of the hidden layer holds meets weights of 0."""
    o = tl.arange(0, S.output_block)
    bias = tl.load(scenes.output_bias + o, o < S.outputs, other=0.0)
    return dot(hidden, tl.trans(output_weight(scenes, S)), S) + bias[None, :]


@compiled
def raw_density(raw, S: tl.constexpr):
    """The output [sample] that the density comes from, shifted."""
    o = tl.arange(0, S.output_block)
    return tl.sum(tl.where(o[None, :] == 0, raw, 0.0), axis=1) + S.density_shift


@compiled
def density_of(shifted, S: tl.constexpr):
    """Density [sample] per world unit."""
    return S.density_scale * softplus_exact(shifted)


@compiled
def channels_of(raw, S: tl.constexpr):
    """Channels after their activation, in the places of raw outputs 1 to C."""
    if S.sigmoid:
        return sigmoid(raw)
    else:  # noqa: RET505
        return raw
