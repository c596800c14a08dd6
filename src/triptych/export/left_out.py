"""What every export does about scenes that cannot be exported: it goes on, and says at its end which they are."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from triptych.bank import Scene
from triptych.errors import InputError


class LeftOut:
    """The scenes of an export that are left out, with the reasons.

    Args:
        scenes: all that are to be exported.

    Raises:
        InputError: there are none.
    """

    def __init__(self, scenes: Mapping[str, Scene]) -> None:
        if not scenes:
            raise InputError("export: there is no scene to export; fit scenes first")
        self._scenes = scenes
        self._reasons: list[str] = []

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Leave a scene out if it cannot be used, and go on."""
        try:
            yield
        except InputError as error:
            self._reasons.append(str(error))

    def readable(self) -> Iterator[Scene]:
        """The scenes that are not damaged, one after another."""
        for name in self._scenes:
            scene = None
            with self.going_on():
                scene = self._scenes[name]
            if scene is not None:
                yield scene

    def require_some(self) -> None:
        """End the export before it writes something that is empty.

        Raises:
            InputError: all scenes are left out; the reasons, one argument each.
        """
        if len(self._reasons) == len(self._scenes):
            raise InputError(*self._reasons)

    def report(self) -> None:
        """Say at the end of an export what is left out.

        Raises:
            InputError: something is; the reasons, one argument each, and last how much was written.
        """
        self.require_some()
        if self._reasons:
            count, total = len(self._reasons), len(self._scenes)
            raise InputError(*self._reasons, f"{count} of {total} scenes left out; the others are written")
