"""Pictures into an mp4, by ffmpeg as imageio-ffmpeg brings it."""

import itertools
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO

import imageio_ffmpeg
import numpy as np
from jaxtyping import UInt8

from triptych.errors import InputError

_CRF = "10"
"""Constant rate factor of x264: 0 is lossless, 51 the worst."""


def write_video(
    path: str | Path, frames: Iterator[UInt8[np.ndarray, "height width 3"]], frames_per_second: int = 20
) -> None:
    """Write an mp4 (H.264, plays in any browser), whole or not at all.

    Args:
        path: the file, ending in .mp4.
        frames: at least one; pictures of one size. Odd sides are made even.
        frames_per_second: speed.

    Raises:
        InputError: ffmpeg is missing, has failed or was ended.
    """
    path, first = Path(path), next(frames)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp.mp4")
    try:
        with tempfile.TemporaryFile() as complaints:
            command = _command(temporary, first.shape[1], first.shape[0], frames_per_second)
            code = _encode(command, itertools.chain([first], frames), complaints)
            if code:
                raise InputError(f"{path}: not written, {_reason(code, complaints)}")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _command(path: Path, width: int, height: int, frames_per_second: int) -> list[str]:
    try:
        ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError as error:
        raise InputError(f"video: there is no ffmpeg ({error})") from None
    pixels = ["-f", "rawvideo", "-vcodec", "rawvideo", "-s", f"{width}x{height}", "-pix_fmt", "rgb24"]
    even = ["-vf", f"scale={width + width % 2}:{height + height % 2}"] if width % 2 or height % 2 else []
    coding = ["-an", "-vcodec", "libx264", "-pix_fmt", "yuv420p", "-crf", _CRF, *even, "-v", "error"]
    # The file is named by its protocol: a path may begin with a minus or hold a colon.
    return [ffmpeg, "-y", *pixels, "-r", str(frames_per_second), "-i", "-", *coding, f"file:{path}"]


def _encode(command: list[str], frames: Iterator[UInt8[np.ndarray, "height width 3"]], complaints: IO[bytes]) -> int:
    """Feed ffmpeg, and its exit code. Ctrl-C reaches this process alone, which then ends the other."""
    try:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints, start_new_session=True
        )
    except OSError as error:
        raise InputError(
            f"video: {command[0]} cannot be started ({error.strerror}); look at $IMAGEIO_FFMPEG_EXE"
        ) from None
    assert process.stdin is not None
    try:
        with suppress(BrokenPipeError), process.stdin as pipe:  # an ffmpeg that has ended tells why by its code
            for frame in frames:
                pipe.write(np.ascontiguousarray(frame).data)
        return process.wait()
    finally:
        process.kill()
        process.wait()


def _reason(code: int, complaints: IO[bytes]) -> str:
    complaints.seek(0)
    lines = complaints.read().decode(errors="replace").split("\n")
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    ended = f"ffmpeg was ended by signal {-code}" if code < 0 else f"ffmpeg failed with code {code}"
    return f"{ended}{f': {said}' if said else ''}; free some space or choose another folder, then run it again"
