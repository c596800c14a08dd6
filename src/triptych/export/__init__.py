"""Taking scenes away: videos."""

from triptych.export.video import orbit_frames, write_video

__all__ = ["orbit_frames", "write_video"]
