"""Entry points of the loops, and the threads that run them.

The loops run on a thread pool of our own, the calling thread taking part, with the GIL released. Numba's own
parallel loops were not the better choice: its default layer aborts the process when two Python threads call at once,
and its OpenMP layer runs no faster. Our threads sleep when idle, so they never take a core from PyTorch's. (Those
spin after each operation, for a time that ``triptych/__init__`` shortens.)

A call is cut into chunks. Threads draw chunks from a shared counter, but what a chunk computes, and where it puts it,
does not depend on who draws it: results are the same, bit by bit, every time.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import carray, cfunc, from_dtype, types  # pyright: ignore[reportPrivateImportUsage]

from triptych.compiling import compile_cached
from triptych.geometry.bit_grid import SIDE
from triptych.representation.kernels.cpu.backward import backward_of_rays
from triptych.representation.kernels.cpu.comparing import compare_rays
from triptych.representation.kernels.cpu.forward import query_ray, render_ray
from triptych.representation.kernels.cpu.layout import (
    GROUP,
    ITEM,
    JOB,
    PLACE,
    PLACE_AND_RENDER,
    RENDER,
    SOURCES,
    parameter_count_in_loops,
)
from triptych.representation.kernels.cpu.memory import (
    advance,
    fetch_add,
    floats_at,
    integers_at,
    read,
    store,
    words_at,
)
from triptych.representation.kernels.cpu.placing import occupied_box, place_and_render, place_ray
from triptych.representation.kernels.cpu.vectors import inlined, spread16

_SIGNATURE = types.void(types.CPointer(from_dtype(JOB)))


def run(direction: str, job: np.ndarray, threads: int) -> None:
    """Run the "forward", "backward" or "compare" loops of a job to their end on up to ``threads`` threads."""
    loops, address = compiled(direction), job.ctypes.data
    helpers = min(threads, int(job["chunk_count"][0])) - 1
    pending = [thread_pool(threads - 1).submit(loops, address) for _ in range(helpers)]
    loops(address)
    for helper in pending:
        # One that has not begun by now has nothing left to do; it may be waiting behind another caller's work.
        if not helper.cancel():
            helper.result()


def in_parts(loops: Callable[..., None], count: int, *arguments: Any) -> None:
    """Call loops that release the GIL, which take first and end of their part last, on parts of ``count`` things."""
    threads = torch.get_num_threads()
    cuts = np.linspace(0, count, min(threads, max(count, 1)) + 1).astype(int).tolist()
    own, *others = pairwise(cuts)
    pending = [thread_pool(threads - 1).submit(loops, *arguments, *part) for part in others]
    loops(*arguments, *own)
    for part in pending:
        part.result()


@lru_cache
def thread_pool(threads: int) -> ThreadPoolExecutor:
    """The threads of this package, made when first asked for."""
    return ThreadPoolExecutor(threads, thread_name_prefix="triptych")


# A forked child inherits the pool, but none of its threads.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=thread_pool.cache_clear)


@lru_cache
def compiled(direction: str) -> Callable[[int], None]:
    """The loops as a C function of a job's address; compiled code is kept on disk by numba where it can write."""
    entry_point = {"forward": _run_forward, "backward": _run_backward, "compare": _run_compare}[direction]
    return compile_cached(partial(cfunc, _SIGNATURE), entry_point, sources=SOURCES).ctypes


def _run_forward(jobs):
    _forward(carray(jobs, 1)[0])


def _run_backward(jobs):
    _backward(carray(jobs, 1)[0])


def _run_compare(jobs):
    _compare(carray(jobs, 1)[0])


@inlined
def _own_thread(job):
    """The number of this thread in this call, and its working memory."""
    thread = fetch_add(advance(integers_at(job.counters), 1), 1)
    return thread, advance(floats_at(job.scratch), thread * job.scratch_size)


@inlined
def _occupancy(job, scene):
    return advance(words_at(job.occupancy), scene * SIDE * SIDE)


@inlined
def _zero(pointer, count):
    for i in range(0, count, 16):
        store(pointer, i, spread16(0.0))


@inlined
def _forward(job):
    """Do the job's task for the rays of chunk after chunk until none is left."""
    _, bounds = _own_thread(job)
    scratch = advance(bounds, GROUP)
    chunks, items = integers_at(job.chunks), integers_at(job.items)
    scene_size = 3 * job.resolution * job.resolution * job.features
    while True:
        chunk = fetch_add(integers_at(job.counters), 1)
        if chunk >= job.chunk_count:
            return
        for item in range(read(chunks, chunk), read(chunks, chunk + 1)):
            scene = read(items, item * ITEM)
            planes = advance(floats_at(job.planes), scene * scene_size)
            occupancy = _occupancy(job, scene)
            if job.task == PLACE_AND_RENDER:
                occupied_box(job, occupancy, bounds)
            for ray in range(read(items, item * ITEM + 1), read(items, item * ITEM + 2)):
                if job.task == RENDER:
                    render_ray(job, planes, ray, scratch)
                elif job.task == PLACE_AND_RENDER:
                    place_and_render(job, planes, occupancy, bounds, ray, scratch)
                elif job.task == PLACE:
                    starts = advance(floats_at(job.t_starts), ray * job.samples)
                    ends = advance(floats_at(job.t_ends), ray * job.samples)
                    place_ray(job, planes, occupancy, ray, starts, ends, scratch)
                else:
                    query_ray(job, planes, ray, scratch)


@inlined
def _empty_mlp_gradient(job, chunk):
    """The gradient of the MLP that belongs to a chunk, zeroed where one is asked for."""
    parameters = parameter_count_in_loops(job.features, job.hidden_units, job.outputs)
    gradient = advance(floats_at(job.mlp_gradient), chunk * parameters)
    if job.mlp_gradient:
        _zero(gradient, parameters)
    return gradient


@inlined
def _backward(job):
    """Gradients of chunk after chunk until none is left; their memory is zeroed by the thread that fills it."""
    _, scratch = _own_thread(job)
    chunks, items = integers_at(job.chunks), integers_at(job.items)
    scene_size = 3 * job.resolution * job.resolution * job.features
    while True:
        chunk = fetch_add(integers_at(job.counters), 1)
        if chunk >= job.chunk_count:
            return
        mlp_gradient = _empty_mlp_gradient(job, chunk)
        for item in range(read(chunks, chunk), read(chunks, chunk + 1)):
            planes = advance(floats_at(job.planes), read(items, item * ITEM) * scene_size)
            first_ray, end_ray = read(items, item * ITEM + 1), read(items, item * ITEM + 2)
            planes_gradient = floats_at(np.uintp(read(items, item * ITEM + 3)))
            _zero(planes_gradient, scene_size)
            backward_of_rays(job, planes, first_ray, end_ray, planes_gradient, mlp_gradient, scratch)


@inlined
def _compare(job):
    """Errors and gradients of chunk after chunk until none is left."""
    _, scratch = _own_thread(job)
    chunks, items = integers_at(job.chunks), integers_at(job.items)
    scene_size = 3 * job.resolution * job.resolution * job.features
    while True:
        chunk = fetch_add(integers_at(job.counters), 1)
        if chunk >= job.chunk_count:
            return
        mlp_gradient = _empty_mlp_gradient(job, chunk)
        for item in range(read(chunks, chunk), read(chunks, chunk + 1)):
            scene = read(items, item * ITEM)
            planes = advance(floats_at(job.planes), scene * scene_size)
            first_ray, end_ray = read(items, item * ITEM + 1), read(items, item * ITEM + 2)
            planes_gradient = floats_at(np.uintp(read(items, item * ITEM + 3)))
            _zero(planes_gradient, scene_size)
            compare_rays(
                job, planes, planes_gradient, _occupancy(job, scene), first_ray, end_ray, mlp_gradient, scratch
            )
