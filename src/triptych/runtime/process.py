"""How this process ends when it is told to."""

import signal
from types import FrameType
from typing import NoReturn

from triptych.errors import Terminated


def stop_on_sigterm() -> None:
    """Let SIGTERM, by which schedulers and containers end a process, unwind this one as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated
