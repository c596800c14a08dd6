from .config import DeviceName, Products
from .devices import (
    arithmetic,
    choose_device,
    computes_by_itself,
    extra_memory,
    free_memory,
    peak_memory,
    require_memory,
    send_into,
    sent,
    set_arithmetic,
    start_threads,
    thread_count_kept,
    wait_for,
)
from .each import on_each
from .parts import Parts, warn
from .process import stop_on_sigterm
from .versions import code, commit, versions
from .workers import Lost, ThisProcess, Workers, open_workers

__all__ = [
    "DeviceName",
    "Lost",
    "Parts",
    "Products",
    "ThisProcess",
    "Workers",
    "arithmetic",
    "choose_device",
    "code",
    "commit",
    "computes_by_itself",
    "extra_memory",
    "free_memory",
    "on_each",
    "open_workers",
    "peak_memory",
    "require_memory",
    "send_into",
    "sent",
    "set_arithmetic",
    "start_threads",
    "stop_on_sigterm",
    "thread_count_kept",
    "versions",
    "wait_for",
    "warn",
]
