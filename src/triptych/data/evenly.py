"""Some of many things."""

from collections.abc import Sequence
from typing import TypeVar

_Item = TypeVar("_Item")


def evenly(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most so many of some items, in their order, evenly spread."""
    count = min(len(items), most)
    return [items[place * len(items) // count] for place in range(count)]
