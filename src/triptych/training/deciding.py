"""Settings as files keep them that say what was begun."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

_ADDED = {
    "random_background": False,
    "suited_texels": None,
    "everywhere": True,
    "edge_share": 0.0,
    "edge_ramp": 16,
    "edge_fade": None,
}
"""Settings that newer versions have, wherever they stand, and what older ones did."""


def deciding(settings: Any) -> dict[str, Any]:
    """All values of a dataclass of settings and of those inside it, by name, but for newer ones that change nothing:
    what an earlier version has begun goes on."""
    return _without_added(asdict(settings))


def with_added(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Settings that some version has recorded, with those of ``asked`` that it did not have."""
    filled = {name: _ADDED[name] for name in asked if name in _ADDED}
    for name, value in recorded.items():
        beside = asked.get(name)
        filled[name] = with_added(value, beside) if isinstance(value, dict) and isinstance(beside, dict) else value
    return filled


def _without_added(values: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_added(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if name not in _ADDED or value != _ADDED[name]
    }
