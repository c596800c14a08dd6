"""Small pictures to choose a scene by."""

from threading import Lock

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from triptych.bank import Scene
from triptych.errors import InputError
from triptych.geometry import Orbit
from triptych.viewer.frames import draw
from triptych.viewer.sources import LoadedScenes

SIDE = 96
"""Side of a thumbnail in pixels; pictures that are not square are fitted into it."""
_GRAY = 235
_MOST_KEPT = 2000


class Thumbnails:
    """Thumbnails of scenes, kept once they are drawn; shared by all browsers."""

    def __init__(self) -> None:
        self._kept: dict[tuple[int, str], UInt8[np.ndarray, "side side 3"]] = {}
        self._lock = Lock()

    def kept(self, generation: int, name: str) -> UInt8[np.ndarray, "side side 3"] | None:
        """The thumbnail of a scene as its source's ``generation`` has it, if it is drawn already."""
        return self._kept.get((generation, name))

    def forget(self, name: str) -> None:
        """Draw that of a scene again: it has changed."""
        with self._lock:
            for kept in [kept for kept in self._kept if kept[1] == name]:
                del self._kept[kept]

    def draw(self, generation: int, name: str, loaded: LoadedScenes) -> None:
        """Draw and keep one, gray for a scene that is damaged; the oldest are forgotten."""
        try:
            thumbnail = _thumbnail(loaded.scene(name))
        except InputError:
            thumbnail = np.full((SIDE, SIDE, 3), _GRAY, dtype=np.uint8)
        with self._lock:
            while len(self._kept) >= _MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[generation, name] = thumbnail


def _thumbnail(scene: Scene) -> UInt8[np.ndarray, "side side 3"]:
    picture = Image.fromarray(draw(scene, scene.along(Orbit.around(scene.model.aabb))))
    picture.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    thumbnail = np.full((SIDE, SIDE, 3), 255, dtype=np.uint8)
    top, left = (SIDE - picture.height) // 2, (SIDE - picture.width) // 2
    thumbnail[top : top + picture.height, left : left + picture.width] = np.asarray(picture)
    return thumbnail
