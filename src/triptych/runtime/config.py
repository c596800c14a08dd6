"""What a user may choose of the machine."""

from typing import Literal

Products = Literal["float32", "tf32", "bfloat16"]
"""What a GPU multiplies matrices in."""
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
