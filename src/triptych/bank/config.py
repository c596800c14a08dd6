"""How a scene bank stores its scenes."""

from typing import Literal

StoragePrecision = Literal["float16", "float32"]
"""Number format of the micro planes on the disk."""
