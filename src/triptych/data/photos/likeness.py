"""How the objects of a dataset stand that is aligned already: others can be turned like them."""

from collections.abc import Iterator
from pathlib import Path

from triptych.data.evenly import evenly
from triptych.data.formats.discovery import find_scenes
from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.photos.cutouts import find_cutouts
from triptych.data.photos.fronts import Polar, cylindrical
from triptych.data.photos.placing import place
from triptych.data.photos.small_views import small_views
from triptych.data.validation import Problems
from triptych.errors import InputError

_MOST = 12
"""Objects that are looked at."""
_UNUSED = 1
"""A threshold: masks that are given need none."""


def hulls_of(path: Path) -> list[Polar]:
    """The hulls of some objects of a dataset, as they stand there.

    Args:
        path: the dataset's folder.

    Raises:
        InputError: it cannot be read, or nothing says where the objects are in its pictures.
    """
    return list(_hulls(path))


def _hulls(path: Path) -> Iterator[Polar]:
    folder = find_scenes(path)
    links = LinkPolicy(folder.root)
    for scene in evenly(folder.scenes, _MOST):
        cutouts = find_cutouts(scene.parse(links, Problems()), scene.folder, "given", _UNUSED, scene.folder)
        try:
            placed = place(small_views(cutouts), "keep", 0.0)
        except InputError as error:
            raise InputError(f"{scene.folder}: {error}") from None
        yield cylindrical(placed.hull)
