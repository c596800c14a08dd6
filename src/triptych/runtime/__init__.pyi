from .config import DeviceName
from .devices import choose_device, free_memory, peak_memory, require_memory, start_threads, thread_count_kept
from .process import stop_on_sigterm
from .versions import commit, versions

__all__ = [
    "DeviceName",
    "choose_device",
    "commit",
    "free_memory",
    "peak_memory",
    "require_memory",
    "start_threads",
    "stop_on_sigterm",
    "thread_count_kept",
    "versions",
]
