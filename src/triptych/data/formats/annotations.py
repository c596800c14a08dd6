"""One file that describes the views of many scenes: read once, when the first of its scenes is."""

from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

from triptych.errors import InputError

Entries = Iterable[tuple[str, Any]]
"""The name of a scene and what is said of one of its views, as the file has it."""


class Annotations:
    """What a file says of the views of each scene.

    Attributes:
        file: it.
    """

    def __init__(self, file: Path, read: Callable[[Path], Entries]) -> None:
        self.file = file
        self._read = read

    def of(self, scene: str) -> list[Any]:
        """What the file says of the views of a scene, in its order.

        Raises:
            InputError: the file cannot be read, or says nothing of the scene.
        """
        if isinstance(self._by_scene, InputError):
            raise InputError(*self._by_scene.args)
        if scene not in self._by_scene:
            raise InputError(f"{self.file}: it describes no picture in the folder {scene!r}; leave that folder out")
        return self._by_scene[scene]

    @cached_property
    def _by_scene(self) -> dict[str, list[Any]] | InputError:
        # A problem is kept too, so that a long file is not read again for each scene.
        by_scene: dict[str, list[Any]] = {}
        try:
            for scene, entry in self._read(self.file):
                by_scene.setdefault(scene, []).append(entry)
        except InputError as error:
            return error
        return by_scene
