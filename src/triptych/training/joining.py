"""Joining the other processes that torchrun has started, and ending together: one of them says why.

``torch.distributed``, which not every build of torch has, is imported where there are others.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, NoReturn

import torch

from triptych.errors import InputError
from triptych.training.ranks import ALONE, RankLostError, Ranks

if TYPE_CHECKING:
    from triptych.training.together import Together

_MEETING, _PATIENCE = timedelta(minutes=5), timedelta(hours=12)
"""How long to wait for all ranks at the beginning; and for one that decodes pictures or writes a checkpoint."""
_ENDED, _STOPPED = 2, 130
"""Exit codes of ranks that leave the word to another one: something has failed; the user has stopped all."""


@contextmanager
def joined(device: torch.device) -> Iterator[tuple[Ranks, torch.device]]:
    """The processes that train together, and the device of this one; it is alone where torchrun has not started it.

    Where one fails, all end: the first to know says why, the others nothing.

    Args:
        device: what the user asks for; of several GPUs each rank takes the one of its number on the machine.

    Raises:
        InputError: the others cannot be reached, this rank has no device, or another one has ended without a word.
        SystemExit: another rank has failed, and says why.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield ALONE, device
        return
    here = int(os.environ.get("LOCAL_RANK", "0"))
    own = _own_device(device, here)
    ranks = _met(own, here)
    try:
        yield ranks, own
    except BaseException as error:
        _end(ranks, error)
    finally:
        ranks.part_ways()


def require_alone(command: str, instead: str) -> None:
    """Refuse to do in each of several processes what one of them would do; the first one says so.

    Args:
        command: that is not divided over ranks.
        instead: what to do.

    Raises:
        InputError: torchrun has started several.
        SystemExit: the same, in all but the first.
    """
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if "RANK" not in os.environ or count == 1:
        return
    if os.environ["RANK"] != "0":
        raise SystemExit(_ENDED)
    raise InputError(f"torchrun has started {count} processes, and triptych {command} runs in one; {instead}")


def _own_device(device: torch.device, here: int) -> torch.device:
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise InputError(f"--device {device.type}: several ranks compute on cpu or cuda")
    if here >= torch.cuda.device_count():
        raise InputError(
            f"rank {here} of this machine finds {torch.cuda.device_count()} GPU(s): start at most as many with "
            "--nproc-per-node"
        )
    torch.cuda.set_device(here)
    return torch.device("cuda", here)


def _met(device: torch.device, here: int) -> "Together":
    import torch.distributed as dist
    from torch.distributed.distributed_c10d import PrefixStore
    from torch.distributed.rendezvous import rendezvous

    from triptych.training.together import Together

    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    try:
        store, rank, count = next(rendezvous("env://", timeout=_MEETING))
        dist.init_process_group(
            backend, store=PrefixStore("group", store), rank=rank, world_size=count, timeout=_PATIENCE
        )
    except (RuntimeError, ValueError) as error:
        place = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
        reason = str(error).splitlines()[0]
        raise InputError(
            f"the other ranks cannot be reached at {place} ({reason}); start all of them with torchrun, and let its "
            "--rdzv-endpoint name a machine that all reach"
        ) from None
    return Together(rank, count, here, store)


def _end(ranks: "Together", error: BaseException) -> NoReturn:
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # by which torchrun ends the others, as they do already
    if not ranks.has_the_word():
        raise SystemExit(_STOPPED if isinstance(error, KeyboardInterrupt) else _ENDED) from None
    if isinstance(error, RankLostError):
        raise InputError(
            f"another rank has ended without a word ({error}): killed, or out of memory? What was saved is kept; run "
            "the same command again to go on"
        ) from None
    raise error
