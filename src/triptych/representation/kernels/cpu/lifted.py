"""Lifted texels: the hidden layer's weights applied to the texels, not to the samples.

A feature is a sum of bilinear interpolations of texels, and the hidden layer is linear up to its activation. So the
layer of a sample is the same interpolation of *lifted* texels, W · texel, plus the bias: as exact, and much less
arithmetic where there are more samples than texels. In the backward pass, gradients are summed in lifted texels; when
all samples of a scene are done, one product per texel takes them to the planes and to the weights.

Lifted texels and their gradients lie like the planes, [plane, row, column, H].
"""

from triptych.representation.kernels.cpu.field import blend, first_corners, prefetch_corners, product, spill
from triptych.representation.kernels.cpu.layout import GROUP, QUEUE
from triptych.representation.kernels.cpu.memory import (
    advance,
    floats_at,
    integers_of,
    load16,
    load32,
    read,
    store,
    write,
)
from triptych.representation.kernels.cpu.vectors import (
    absolute,
    compiled,
    fma,
    inlined,
    spread16,
    spread32,
    sum_of_lanes,
)


@inlined
def texel_count(job):
    """Texels of a scene."""
    return 3 * job.resolution * job.resolution


@inlined
def lifted_texels(job, thread):
    """A thread's memory: lifted texels and their gradients."""
    size = texel_count(job) * job.hidden_units
    lifted = advance(floats_at(job.lifted), 2 * thread * size)
    return lifted, advance(lifted, size)


@compiled
def lift(job, planes, texels):
    """Lift all texels of a scene, and clear their gradients."""
    features, hidden_units = job.features, job.hidden_units
    lifted, gradients = texels
    product(
        planes, features, 1,
        floats_at(job.hidden_transposed), hidden_units, features,
        floats_at(job.zeros), 0,
        lifted, hidden_units, texel_count(job), hidden_units,
    )  # fmt: skip
    for i in range(0, texel_count(job) * hidden_units, 16):
        store(gradients, i, spread16(0.0))


@compiled
def lifted_lookup(job, texels, cells, corners, block, hidden):
    """The hidden layer of 8 located samples, before its activation."""
    hidden_units, bias, lifted = job.hidden_units, floats_at(job.hidden_bias), texels[0]
    column = hidden_units if job.resolution > 1 else 0
    row = column * job.resolution
    for b in range(GROUP):
        xy, xz, yz = first_corners(cells, b, GROUP, hidden_units, job.resolution)
        own = advance(corners, b)
        for h in range(0, hidden_units, 32):
            place = b * hidden_units + h
            at = advance(lifted, xy + h), advance(lifted, xz + h), advance(lifted, yz + h)
            if h + 32 <= hidden_units:
                store(hidden, place, blend(load32, at[0], at[1], at[2], row, column, own, GROUP, load32(bias, h)))
            else:
                store(hidden, place, blend(load16, at[0], at[1], at[2], row, column, own, GROUP, load16(bias, h)))


@inlined
def prefetch_gradients(job, texels, cells, sample):
    """Begin to load what ``scatter_lifted`` adds a located sample's gradient to."""
    prefetch_corners(texels[1], cells, sample, GROUP, job.hidden_units, job.resolution)


@inlined
def _hidden_gradient(job, load, start, raw_gradients, row, slope, h):
    for o in range(job.outputs):
        weight = load(floats_at(job.output), o * job.hidden_units + h)
        start = fma(read(raw_gradients, o * row), weight, start)
    return start * load(slope, h)


@compiled
def scatter_lifted(job, texels, cells, sample, raw_gradients, row, slope):
    """Add to the lifted texels' gradients what a located sample's raw outputs [output, sample] pass on to them."""
    hidden_units, gradients = job.hidden_units, texels[1]
    column = hidden_units if job.resolution > 1 else 0
    line = column * job.resolution
    xy, xz, yz = first_corners(cells, sample, GROUP, hidden_units, job.resolution)
    own = advance(cells, 3 * GROUP + sample)
    for h in range(0, hidden_units, 32):
        at = advance(gradients, xy + h), advance(gradients, xz + h), advance(gradients, yz + h)
        if h + 32 <= hidden_units:
            value = _hidden_gradient(job, load32, spread32(0.0), raw_gradients, row, slope, h)
            spill(load32, at[0], at[1], at[2], line, column, own, GROUP, value)
        else:
            half = _hidden_gradient(job, load16, spread16(0.0), raw_gradients, row, slope, h)
            spill(load16, at[0], at[1], at[2], line, column, own, GROUP, half)


@compiled
def lower_gradients(job, planes, texels, planes_gradient, mlp_gradient, room):
    """Gradients of a scene's planes, all of them, and, added to the MLP's, of hidden weights and bias.

    Texels that have a gradient go to a queue: the others cost next to nothing.
    """
    features, hidden_units, gradients = job.features, job.hidden_units, texels[1]
    places, queue, block, _ = _queue_memory(job, room)
    used = 0
    for texel in range(texel_count(job)):
        own = advance(gradients, texel * hidden_units)
        if _is_zero(own, hidden_units):
            for f in range(0, features, 16):
                store(planes_gradient, texel * features + f, spread16(0.0))
            continue
        write(places, used, texel)
        for h in range(0, hidden_units, 16):
            store(queue, used * hidden_units + h, load16(own, h))
        for f in range(0, features, 16):
            store(block, used * features + f, load16(planes, texel * features + f))
        used += 1
        if used == QUEUE:
            _lower_queue(job, used, planes_gradient, mlp_gradient, room)
            used = 0
    _lower_queue(job, used, planes_gradient, mlp_gradient, room)


@inlined
def _queue_memory(job, room):
    """The texels' numbers; their gradients, features, and gradients of features, [texel, H] and [texel, F]."""
    queue = advance(room, 2 * QUEUE)
    block = advance(queue, QUEUE * job.hidden_units)
    return integers_of(room), queue, block, advance(block, QUEUE * job.features)


@compiled
def _lower_queue(job, used, planes_gradient, mlp_gradient, room):
    """Take the gradients of the queue's ``used`` texels to planes and MLP."""
    features, hidden_units = job.features, job.hidden_units
    places, queue, block, lowered = _queue_memory(job, room)
    if job.mlp_gradient:
        _add_hidden_gradient(job, used, places, queue, block, mlp_gradient)
    product(
        queue, hidden_units, 1,
        floats_at(job.hidden), features, hidden_units,
        floats_at(job.zeros), 0,
        lowered, features, used, features,
    )  # fmt: skip
    for b in range(used):
        for f in range(0, features, 16):
            store(planes_gradient, read(places, b) * features + f, load16(lowered, b * features + f))


@compiled
def _is_zero(values, count):
    total = spread16(0.0)
    for i in range(0, count, 16):
        total = total + absolute(load16(values, i))
    return sum_of_lanes(total) == 0.0


@inlined
def _add_hidden_gradient(job, used, places, queue, block, mlp_gradient):
    features, hidden_units = job.features, job.hidden_units
    product(
        queue, 1, hidden_units,
        block, features, used,
        mlp_gradient, features,
        mlp_gradient, features, hidden_units, features,
    )  # fmt: skip
    # A sample's weights on each plane sum to 1: the texels of the first plane hold the gradient of the bias.
    hidden_bias = advance(mlp_gradient, hidden_units * features)
    for b in range(used):
        if read(places, b) < job.resolution * job.resolution:
            for h in range(0, hidden_units, 16):
                store(hidden_bias, h, load16(hidden_bias, h) + load16(queue, b * hidden_units + h))
