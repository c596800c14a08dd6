"""Who computes next: each thread in the order in which it has asked."""

import threading
from types import TracebackType


class Turns:
    """A lock that is given to whoever has waited longest; ``threading.Lock`` would let one thread take it again and
    again while others wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._last = 0
        self._current = 0

    def __enter__(self) -> None:
        with self._changed:
            mine = self._last
            self._last += 1
            self._changed.wait_for(lambda: self._current == mine)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._changed:
            self._current += 1
            self._changed.notify_all()
