"""Decoding the pictures of many scenes on a few threads, in order."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from triptych.data.backgrounds import Color
from triptych.data.formats.parsed_scene import ParsedScene
from triptych.data.pictures import read_picture

OnPicture = Callable[[int, int], None]
"""Called after each picture with the number of pictures decoded so far and in all."""

_THREADS = 2
_AHEAD = 32
"""Pictures decoded ahead of the one in use; bounds memory whatever a scene's size."""


def decode_pictures(
    scenes: Sequence[ParsedScene], factor: int, background: Color, *, keep_alpha: bool = False
) -> Generator[Future[UInt8[np.ndarray, "height width channel"]], None, None]:
    """Decode the pictures of several scenes in order on a few threads, a bounded number ahead.

    Args:
        scenes: parsed scenes.
        factor: side of the squares of pixels that are averaged into one; it divides every picture's sides.
        background: what pictures with alpha are laid over.
        keep_alpha: see ``read_picture``.

    Returns:
        One future per picture; its ``result()`` raises ``InputError`` where the picture cannot be decoded.
    """
    pending: deque[Future[UInt8[np.ndarray, "height width channel"]]] = deque()
    with ThreadPoolExecutor(_THREADS) as pool:
        for scene in scenes:
            views = zip(scene.files, scene.masks, scene.intrinsics, scene.distortions, strict=True)
            for file, mask, intrinsics, distortion in views:
                task = pool.submit(
                    read_picture,
                    Path(file),
                    intrinsics=intrinsics,
                    distortion=distortion,
                    factor=factor,
                    mask=None if mask is None else Path(mask),
                    background=background,
                    keep_alpha=keep_alpha,
                )
                pending.append(task)
                if len(pending) > _AHEAD:
                    yield pending.popleft()
        while pending:
            yield pending.popleft()
