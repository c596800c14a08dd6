"""Settings as files keep them that say what was begun."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

_ADDED = {"random_background": False, "suited_texels": None}
"""Settings that newer versions have, wherever they stand, and what older ones did."""


def deciding(settings: Any) -> dict[str, Any]:
    """All values of a dataclass of settings and of those inside it, by name, but for newer ones that change nothing:
    what an earlier version has begun goes on."""
    return _without_added(asdict(settings))


def with_added(recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that some version has recorded, with those that it did not have."""
    return {**_ADDED, **recorded}


def _without_added(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_added(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in _ADDED or value != _ADDED[name]
    }
