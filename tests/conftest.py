"""Fixtures shared by the tests."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault(
    "TRITON_INTERPRET", "1"
)  # read once, by whichever test imports Triton first: kernels run on the CPU

import pytest
from balls import make_balls, tiny_stage1
from browser import chromium, empty_page

from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.training.conditions import Conditions
from triptych.training.stage1 import train


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real test data, or a skip when this machine does not have it."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("TRIPTYCH_TEST_DATA", root.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"real test data not found at {folder}; set TRIPTYCH_TEST_DATA to its folder")
    return folder


@pytest.fixture(scope="session")
def balls(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Five balls, three declared for stage 1 and two for stage 2, six views each at 32x32."""
    root = tmp_path_factory.mktemp("balls")
    make_balls(root / "data")
    return open_dataset(DatasetConfig(root / "data", test_views=2, cache=root / "cache"))


@pytest.fixture(scope="session")
def trained_balls(balls: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished stage-1 run on the balls for stage 1."""
    out = tmp_path_factory.mktemp("stage1") / "run"
    train(balls.select("train", "all"), out, tiny_stage1(), Conditions())
    return out


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A running Chromium, or a skip when this machine has none."""
    with chromium() as running:
        yield running


@pytest.fixture
def browser_page(browser: Any) -> Iterator[tuple[Any, list[str]]]:
    """An empty page that knows nothing of earlier ones, and what it and its context's further pages complain about."""
    with empty_page(browser) as opened:
        yield opened


@pytest.fixture
def mounted(tmp_path: Path) -> Any:
    """Mount things over a folder; skipped where that is not allowed."""
    mounts = set()

    def mount(folder: Path, *options: str) -> None:
        folder.mkdir(exist_ok=True)
        if subprocess.run(["mount", *options, str(folder)], capture_output=True).returncode:
            pytest.skip("this machine does not let us mount")
        mounts.add(folder)

    if shutil.which("mount") is None or os.geteuid() != 0:
        pytest.skip("needs root to mount a tiny disk")
    yield mount
    for folder in mounts:
        subprocess.run(["umount", "-l", str(folder)], check=True)
