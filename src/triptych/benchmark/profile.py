"""What takes the time of whole steps on a GPU, operation by operation."""

import torch
from torch.profiler import ProfilerActivity, profile

from triptych.benchmark.measure import synchronized
from triptych.benchmark.sizes import Extent
from triptych.benchmark.steps import steps_of

_WARM, _PROFILED = 3, 5
_ROWS = 30


def profiled_steps(extent: Extent, device: torch.device) -> str:
    """A table per phase of the operations and kernels that take most of a few of its steps.

    Args:
        extent: sizes of a batch and of the scenes, and how many there are.
        device: what computes.
    """
    on_gpu = device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_gpu else [])]
    tables, calls = [], steps_of(extent.sizes, extent.scenes[0], extent.fitted_at_once, device)
    for name, call in calls.items():
        step = synchronized(call, device)
        for _ in range(_WARM):
            step()
        with profile(activities=activities) as found:
            for _ in range(_PROFILED):
                step()
        order = "self_cuda_time_total" if on_gpu else "self_cpu_time_total"
        table = found.key_averages().table(sort_by=order, row_limit=_ROWS, max_name_column_width=60)
        tables.append(f"{name}, {_PROFILED} of them\n{table}")
    return "\n".join(tables)
