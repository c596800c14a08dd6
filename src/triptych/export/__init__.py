"""Taking scenes away: videos, planes."""

from triptych.export.planes import write_planes
from triptych.export.video import orbit_frames, write_video

__all__ = ["orbit_frames", "write_planes", "write_video"]
