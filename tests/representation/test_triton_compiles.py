"""The GPU kernel goes through Triton's compiler for an NVIDIA GPU, where the tests beside this one interpret it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("triton", reason="the GPU kernel needs Triton, which is made for Linux alone")

KERNELS = (
    "_differentiate_squares _step_rows _sum_squares differentiate_rays lay_intervals pack_intervals query_rays "
    "refine_edges render_rays space_edges"
)


def test_every_kernel_compiles_for_a_gpu(tmp_path: Path) -> None:
    program = Path(__file__).with_name("compile_for_gpu.py")
    settings = os.environ | {"TRITON_CACHE_DIR": str(tmp_path), "TRITON_INTERPRET": "0"}
    done = subprocess.run([sys.executable, program], env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == KERNELS.split()
