"""Compiles every kernel for an NVIDIA GPU, on a machine that need not have one, with TRITON_INTERPRET=0: what the
interpreter takes, the compiler may refuse.

Kernels are compiled as calls on small tensors ask for them, and not started.
"""

from dataclasses import replace

import torch
import triton
from kernel_cases import make_case, weighted_sum
from triton.backends.compiler import GPUTarget
from triton.runtime.jit import JITFunction

from triptych.geometry import bit_grid
from triptych.representation.config import SamplingConfig
from triptych.representation.kernels import triton as kernel
from triptych.representation.kernels.triton import call, rows

HOPPER = GPUTarget("cuda", 90, 32)
run, names = JITFunction.run, set()


class Driver:
    """What Triton asks of a GPU before it compiles for it."""

    def get_current_target(self) -> GPUTarget:
        return HOPPER

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def compiled_only(self: JITFunction, *arguments, grid, warmup, **options):
    names.add(self.fn.__name__)
    return run(self, *arguments, grid=grid, warmup=True, **options)


def call_every_kernel() -> None:
    case = make_case(rays_per_scene=(2, 1), samples=20)
    occupancy = bit_grid.everywhere().expand(2, -1, -1)
    jitter = torch.rand(3, 2)
    for cells in (None, occupancy):
        field = replace(case.field, occupancy=cells)
        kernel.place_samples(field, case.rays, SamplingConfig(6, 5), jitter)
    kernel.densities(*case.arguments())
    for precision, deterministic in (("highest", False), ("highest", True), ("high", False), ("medium", False)):
        torch.set_float32_matmul_precision(precision)
        torch.use_deterministic_algorithms(deterministic)
        torch.autograd.grad(weighted_sum(kernel.integrate(*case.arguments())), case.parameters())
    torch.autograd.grad(kernel.total_variation(case.field.planes), case.field.planes)
    state = rows.Rows(torch.zeros(3, 5), torch.zeros(3, 5), torch.zeros(3, 5), torch.zeros(3))
    rows.step_rows(state, torch.tensor([2, 0]), torch.ones(2, 5), 0.1, (0.9, 0.999), 1e-8)


if __name__ == "__main__":
    triton.runtime.driver.set_active(Driver())
    JITFunction.run = compiled_only
    kernel._DEVICE, call._INTERPRETED_PROGRAMS = "cpu", 1
    call_every_kernel()
    print(*sorted(names))
