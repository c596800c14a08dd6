"""What a user may choose of the machine."""

from typing import Literal

DeviceName = Literal["auto", "cpu", "cuda", "mps"]
