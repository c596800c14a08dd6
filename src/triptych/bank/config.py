"""How a scene bank stores its scenes."""

from typing import Literal

StoragePrecision = Literal["compact", "small", "float16", "float32"]
"""How the micro planes are stored: as numbers, or rounded by what is seen of it and entropy coded, so that hardly
anything is lost (compact) or about half as many bytes are needed (small)."""

COMPACT_DECIBELS = {"compact": 57.0, "small": 47.0}
"""PSNR between pictures of a scene before it is rounded and after, about."""
