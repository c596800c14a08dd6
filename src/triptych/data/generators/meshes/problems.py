"""What is wrong with a mesh: reasons not to use it, and what it is drawn without."""

from collections.abc import Iterator


class UnreadableMeshError(ValueError):
    """A mesh cannot be used. The message is the reason alone; whoever catches it knows the file."""


class Losses:
    """What a mesh is drawn without: short noun phrases, each once, in the order found."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, what: str) -> None:
        """Record one loss."""
        self._found[" ".join(what.split())] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)


def quoted(name: str) -> str:
    """A name out of a file as it may stand in a message: quoted, on one line, of bounded length."""
    return repr(name if len(name) <= 120 else f"{name[:60]}…{name[-59:]}")
