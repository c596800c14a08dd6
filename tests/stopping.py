"""Stopping a run."""

from typing import Any

import pytest

from triptych.training.run import Run


def stop_at_step(number: int, monkeypatch: pytest.MonkeyPatch, phase: str | None = None) -> None:
    """Let runs end as by Ctrl-C as soon as a checkpoint of this step, of any phase or of this one, has been saved."""
    save = Run.save_checkpoint

    def save_and_stop(run: Run, tensors: Any, state: Any) -> None:
        save(run, tensors, state)
        if state["step"] == number and phase in {None, state["phase"]}:
            raise KeyboardInterrupt

    monkeypatch.setattr(Run, "save_checkpoint", save_and_stop)
