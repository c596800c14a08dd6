"""Triton reads this when it is first imported: its kernels then run on the CPU, in its interpreter."""

import os

os.environ.setdefault("TRITON_INTERPRET", "1")
