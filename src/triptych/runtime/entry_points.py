"""What other installed packages add to triptych, under entry points of three groups."""

from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from triptych.errors import InputError

Group = Literal["triptych.formats", "triptych.autoencoders", "triptych.fields"]
_WORDS: dict[Group, str] = {
    "triptych.formats": "dataset format",
    "triptych.autoencoders": "autoencoder",
    "triptych.fields": "field",
}


@cache
def added(group: Group) -> dict[str, EntryPoint]:
    """The entry points of a group by name, none of them loaded.

    Raises:
        InputError: two packages add something of one name.
    """
    found: dict[str, EntryPoint] = {}
    for point in sorted(entry_points(group=group), key=lambda point: point.name):
        first = found.setdefault(point.name, point)
        if first.value != point.value:
            raise InputError(
                f"two packages add the {_WORDS[group]} {point.name!r}: {_package(first)} and {_package(point)}; "
                "uninstall one"
            )
    return found


@cache
def load_added(group: Group, name: str) -> Any:
    """What an entry point names.

    Raises:
        InputError: no package adds it, or it cannot be loaded.
    """
    points = added(group)
    if name not in points:
        known = f"; installed packages add {', '.join(points)}" if points else ""
        raise InputError(f"no installed package adds the {_WORDS[group]} {name!r}{known}; install the one that does")
    try:
        return points[name].load()
    except Exception as error:  # whatever the package's own code raises
        raise broken(group, name, error) from None


def broken(group: Group, name: str, error: Exception) -> InputError:
    """What is said where the code of another package fails."""
    reason = " ".join(f"{type(error).__name__}: {error}".split())
    return InputError(f"the {_WORDS[group]} {name!r} of {_package(added(group)[name])} has failed ({reason:.300})")


def version_of(group: Group, name: str) -> str:
    """The version of the package that adds it."""
    package = added(group)[name].dist
    return "0" if package is None else package.version


def _package(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.module
