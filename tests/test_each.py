"""The same for each of several things, some of them at the same time."""

import threading
import time
from collections.abc import Iterator

import pytest
import torch

from triptych.runtime import on_each


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """As many as torch has meanwhile."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


def test_results_come_in_the_order_of_the_things(threads: int) -> None:
    def late(thing: int) -> tuple[int, int]:
        time.sleep(0.01 * (5 - thing))
        return thing, torch.get_num_threads()

    assert on_each(late, range(5)) == [(thing, threads) for thing in range(5)]
    assert on_each(late, []) == []


def test_after_the_first_several_are_done_at_the_same_time(threads: int) -> None:
    together = threading.Barrier(threads, timeout=60)
    assert on_each(lambda thing: thing == 0 or together.wait() >= 0, range(threads + 1)) == [True] * (threads + 1)


def test_what_one_raises_is_raised(threads: int) -> None:
    with pytest.raises(ZeroDivisionError):
        on_each(lambda thing: 1 / (3 - thing), range(6))


def test_what_does_not_fit_beside_others_is_done_by_itself(threads: int) -> None:
    room, done = threading.Semaphore(1), []

    def work(thing: int) -> int:
        if not room.acquire(blocking=False):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate")
        time.sleep(0.05)
        room.release()
        done.append(thing)
        return thing

    assert on_each(work, range(4)) == [0, 1, 2, 3]
    assert (len(done) > 4) == (threads > 1)
