"""Checking what is stored."""

from dataclasses import dataclass
from pathlib import Path

import tyro

from triptych.cli.options import say
from triptych.errors import InputError


@dataclass(frozen=True)
class Check:
    """Compare a bank, a category model, a run, a cache or a scene file with its checksums; exit code 2 if any part is
    damaged."""

    path: tyro.conf.Positional[Path]
    """Which, or any folder of these, or the name of a model that comes with triptych."""

    def run(self) -> None:
        from triptych.evaluation.integrity import check

        parts = damaged = 0
        for finding in check(self.path):
            parts += 1
            if finding.fault is not None:
                damaged += 1
                say(f"damaged: {finding.part}: {finding.fault}")
            elif not finding.summed:
                say(f"no checksum, readable: {finding.part}")
        if damaged:
            raise InputError(f"{self.path}: {damaged} of {parts} parts are damaged")
        say(f"{self.path}: {parts} parts, none is damaged")
