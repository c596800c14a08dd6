"""Kills at some of the file operations; ``killing.py`` run by hand does all of them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("work", "every"), [("train", 160), ("fit", 50), ("bank", 40)])
def test_killed_work_is_run_again_to_the_same_numbers(tmp_path: Path, work: str, every: int) -> None:
    tests = Path(__file__).parent
    command = [sys.executable, str(tests / "killing.py"), work, str(tmp_path), "--every", str(every), "--from", "4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(", 0 not mended\n"), done.stdout
    assert ", 0 kills" not in done.stdout
