"""Kills at some of the file operations; ``killing.py`` run by hand does all of them."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_killed_work_is_run_again_to_the_same_numbers(tmp_path: Path) -> None:
    command = [
        sys.executable,
        str(Path(__file__).with_name("killing.py")),
        "train",
        "fit",
        "bank",
        str(tmp_path),
        "--kills",
        "3",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == 0, done.stderr
    ended = re.findall(r"(\w+): \d+ operations, 3 kills, 0 not mended\n", done.stdout)
    assert ended == ["train", "fit", "bank"], done.stdout
