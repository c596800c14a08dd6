"""Several processes that train together, without torchrun: they get the variables that it sets."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch

from triptych.training.joining import joined
from triptych.training.ranks import Ranks

CPU = torch.device("cpu")


def places(count: int) -> list[dict[str, str]]:
    """The variables that torchrun sets for so many ranks."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = {"WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    return [{"RANK": str(rank), "LOCAL_RANK": str(rank), **meeting} for rank in range(count)]


@contextmanager
def one_rank() -> Iterator[Ranks]:
    """This process as the only rank."""
    with pytest.MonkeyPatch.context() as patched:
        for name, value in places(1)[0].items():
            patched.setenv(name, value)
        with joined(CPU) as (ranks, _):
            yield ranks


def by_two_ranks(script: str, *arguments: object) -> tuple[list[int], list[str]]:
    """Run a script on two ranks; their exit codes, and what they say on the error stream."""
    command = [sys.executable, script, *map(str, arguments)]
    two = [subprocess.Popen(command, env=os.environ | place, stderr=subprocess.PIPE, text=True) for place in places(2)]
    said = [process.communicate()[1] for process in two]
    return [process.returncode for process in two], said
