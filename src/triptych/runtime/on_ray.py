"""Work in parts on the machines of a Ray cluster. Ray is loaded when a cluster is joined, and nowhere else.

A part is a task that asks for one core, and for one GPU where it computes on one. What all parts share is put once into
the cluster's store. A part whose worker or machine dies is begun again on another one, a few times; one that fails for
a reason of its own ends the work with that reason. A worker on a CPU lives on and keeps what is shared; on a GPU, Ray
begins a new one for each part, which then has that GPU alone.

What is sent is bytes of pickle, so that a worker looks whether it has the same code before it unpacks anything.
"""

import inspect
import os
import pickle
import signal
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import torch

from triptych.errors import InputError
from triptych.runtime.config import DeviceName
from triptych.runtime.versions import code
from triptych.runtime.workers import Lost, Part, Result, Shared

AUTO = "auto"
_RETRIES = 3
"""How many further workers try a part whose worker has died."""
_AHEAD = 2
"""Parts that are on their way for each that is worked on."""
_SECONDS_TO_ANSWER = 10.0
_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""A frame of HTTP/2: three bytes of length, its kind, flags, and the stream."""
_SILENT: Mapping[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}


class RayWorkers:
    """The workers of a Ray cluster that this process has joined; made by ``ray_workers``."""

    def __init__(self, ray: Any, address: str) -> None:
        self._ray = ray
        self._address = address

    @property
    def are_here(self) -> bool:
        return False

    def count(self, device: torch.device) -> int:
        kind = "GPU" if device.type == "cuda" else "CPU"
        return int(self._ray.cluster_resources().get(kind, 0))

    def choose_device(self, name: DeviceName) -> torch.device:
        if name == "auto":
            name = "cuda" if self.count(torch.device("cuda")) else "cpu"
        device = torch.device(name)
        if device.type not in ("cpu", "cuda"):
            raise InputError(
                f"--ray {self._address}: tasks compute on cpu or cuda, not on {name}; give another --device"
            )
        self._require(device)
        return device

    def map(
        self,
        work: Callable[[Shared, Part], Result],
        shared: Shared,
        parts: Iterable[Part],
        device: torch.device,
    ) -> Iterator[tuple[Part, Result | Lost]]:
        self._require(device)
        task = self._task(work.__name__, device)
        everything = self._ray.put(self._ray.cloudpickle.dumps((work, shared)))
        expected, waiting, remaining = code(), {}, iter(parts)
        try:
            while True:
                for part in remaining:
                    waiting[task.remote(expected, everything, pickle.dumps(part))] = part
                    if len(waiting) >= _AHEAD * max(self.count(device), 1):
                        break
                if not waiting:
                    return
                (done,), _ = self._ray.wait(list(waiting), num_returns=1)
                yield waiting.pop(done), self._result(done)
        finally:
            if self._ray.is_initialized():  # else nothing of it is left
                for left in waiting:
                    self._ray.cancel(left, force=True)

    def _task(self, name: str, device: torch.device) -> Any:
        gpus = 1 if device.type == "cuda" else 0
        task = self._ray.remote(num_cpus=1, num_gpus=gpus, max_retries=_RETRIES)(_taken_along())
        return task.options(name=f"triptych {name}")

    def _result(self, done: Any) -> Any:
        errors = self._ray.exceptions
        try:
            found = self._ray.get(done)
        except errors.RayTaskError as error:
            raise error.cause from error
        except (
            errors.WorkerCrashedError,
            errors.NodeDiedError,
            errors.OutOfMemoryError,
            errors.ObjectLostError,
        ) as error:
            return Lost(_reason(error))
        if isinstance(found, str):
            raise InputError(f"--ray {self._address}: {found}")
        return pickle.loads(found)

    def _require(self, device: torch.device) -> None:
        if not self.count(device):
            kind = "CUDA GPU" if device.type == "cuda" else "core"
            raise InputError(
                f"--ray {self._address}: this cluster has no {kind} to work on; add a machine, or another --device"
            )


@contextmanager
def ray_workers(address: str) -> Iterator[RayWorkers]:
    """The workers of a cluster, which is left, or ended where it was begun here, when the block ends.

    Args:
        address: ``host:port`` of a running cluster; "auto" takes the one that runs on this machine, or begins one.

    Raises:
        InputError: Ray is not installed, or no cluster of the same Ray and Python answers there.
    """
    ray = _ray()
    if ray.is_initialized():  # whoever has joined it leaves it
        yield RayWorkers(ray, address)
        return
    with _own_sigterm():
        _join(ray, address)
    try:
        yield RayWorkers(ray, address)
    finally:
        ray.shutdown()


def do_part(everything: bytes, part: bytes) -> bytes:
    """What a worker does: one part, with as many threads as its task has cores.

    Args:
        everything: the function and what it is given for all parts.
        part: the part.
    """
    torch.set_num_threads(1)
    work, shared = _unpacked(everything)
    return pickle.dumps(work(shared, pickle.loads(part)))


@lru_cache(maxsize=1)
def _unpacked(everything: bytes) -> Any:
    return pickle.loads(everything)


def _taken_along() -> Callable[[str, bytes, bytes], bytes | str]:
    """The function of a task. As an inner one it is sent whole, and so begins on a worker of any other code too."""

    def task(expected: str, everything: bytes, part: bytes) -> bytes | str:
        import platform

        try:
            from triptych.runtime.on_ray import do_part
            from triptych.runtime.versions import code
        except ImportError as error:
            found = f"without it, or an earlier version: {error}"
        else:
            found = code()
            if found == expected:
                return do_part(everything, part)
        return (
            f"a worker on {platform.node()} has other code of triptych ({found}) than this process ({expected}); "
            "install the same on all machines"
        )

    return inspect.unwrap(task)  # what a run-time type checker may have wrapped around it stays here


def _ray() -> Any:
    try:
        import ray
    except ImportError:
        raise InputError('--ray needs Ray; pip install "triptych[ray]"') from None
    return ray


def _join(ray: Any, address: str) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # a cluster that is begun here reports to nobody
    try:
        if address == AUTO:
            try:
                ray.init(address=AUTO, **_SILENT)
            except ConnectionError:
                ray.init(address="local", include_dashboard=False, **_SILENT)
        else:
            _require_answer(address)
            ray.init(address=address, **_SILENT)
    except InputError:
        raise
    except (OSError, RuntimeError, ValueError) as error:  # such as another version of Ray or Python
        raise InputError(f"--ray {address}: no cluster to work on: {_reason(error)}") from None


def _require_answer(address: str) -> None:
    """Refuse an address at which nothing answers: Ray itself would try for minutes."""
    host, colon, port = address.removeprefix("ray://").rpartition(":")
    if not colon or not port.isdecimal():
        raise InputError(f"--ray {address}: expected auto, or HOST:PORT of a running Ray cluster")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS_TO_ANSWER) as connection:
            speaks = os.environ.get("RAY_USE_TLS") == "1" or _speaks_grpc(connection)
    except (OSError, OverflowError) as error:
        raise InputError(
            f"--ray {address}: nothing answers there ({error}); look at the address, or start Ray there "
            "with `ray start --head`"
        ) from None
    if not speaks:
        raise InputError(f"--ray {address}: what answers there is no Ray cluster; look at the port")


def _speaks_grpc(connection: socket.socket) -> bool:
    """Whether the other end is an HTTP/2 server, as the head of a cluster is: they begin with their settings."""
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS)
    answer = b""
    while len(answer) < len(_SETTINGS) and (more := connection.recv(len(_SETTINGS) - len(answer))):
        answer += more
    return answer[3:5] == _SETTINGS[3:5]


@contextmanager
def _own_sigterm() -> Iterator[None]:
    """Keep what SIGTERM does, which Ray changes when it begins."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _reason(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines()]
    return next(filter(None, lines), type(error).__name__)
