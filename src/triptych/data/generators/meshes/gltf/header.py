"""The header of a glTF file: JSON whose fields are asked for by type, and named where they are wrong."""

import math
from collections.abc import Iterator
from typing import Any

from triptych.data.generators.meshes.problems import UnreadableMeshError, quoted

_LARGEST = 2**40
"""Above any index, count or size that a file of bounded length can mean."""


class Record:
    """One JSON object of a header and its place in it, such as ``meshes[3].primitives[0]``.

    Every question gives a value of the asked type, the default where the field is missing, or raises an
    ``UnreadableMeshError`` that names the place.
    """

    def __init__(self, value: Any, place: str) -> None:
        if not isinstance(value, dict):
            raise UnreadableMeshError(f"its {place or 'header'} is no JSON object")
        self._fields: dict[str, Any] = value
        self.place = place

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def __iter__(self) -> Iterator[str]:
        return iter(self._fields)

    def integer(self, key: str, default: int | None = None) -> int:
        """A whole number from 0 on; without a default the field must be there."""
        return self._whole(self._get(key, default), self._path(key))

    def optional_integer(self, key: str) -> int | None:
        """A whole number from 0 on, or None where the field is missing."""
        return self.integer(key) if key in self else None

    def number(self, key: str, default: float) -> float:
        """A finite number."""
        return self._number(self._get(key, default), self._path(key))

    def numbers(self, key: str, default: list[float]) -> list[float]:
        """As many finite numbers as the default has."""
        values = self._list(key, default)
        if len(values) != len(default):
            raise UnreadableMeshError(f"its {self._path(key)} has {len(values)} numbers, expected {len(default)}")
        return [self._number(value, self._path(key)) for value in values]

    def weights(self, key: str) -> list[float]:
        """Any number of finite numbers."""
        return [self._number(value, self._path(key)) for value in self._list(key, [])]

    def integers(self, key: str) -> list[int]:
        """Any number of whole numbers from 0 on."""
        return [self._whole(value, self._path(key)) for value in self._list(key, [])]

    def flag(self, key: str, default: bool) -> bool:
        """True or false."""
        value = self._get(key, default)
        if not isinstance(value, bool):
            raise UnreadableMeshError(f"its {self._path(key)} is neither true nor false")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A string; without a default the field must be there."""
        value = self._get(key, default)
        if not isinstance(value, str):
            raise UnreadableMeshError(f"its {self._path(key)} is no text")
        return value

    def texts(self, key: str) -> list[str]:
        """Any number of strings."""
        return [value for value in self._list(key, []) if isinstance(value, str)]

    def record(self, key: str) -> "Record":
        """An object; an empty one where the field is missing."""
        return Record(self._get(key, {}), self._path(key))

    def records(self, key: str) -> list["Record"]:
        """A list of objects; an empty one where the field is missing."""
        return [Record(value, f"{self._path(key)}[{index}]") for index, value in enumerate(self._list(key, []))]

    def item(self, key: str, index: int) -> "Record":
        """One object of a list."""
        values = self._list(key, [])
        if index >= len(values):
            raise UnreadableMeshError(f"names {self._path(key)}[{index}], of which there are {len(values)}")
        return Record(values[index], f"{self._path(key)}[{index}]")

    def count(self, key: str) -> int:
        """The length of a list."""
        return len(self._list(key, []))

    def extension(self, name: str) -> "Record | None":
        """What an extension says about this object, or None."""
        extensions = self.record("extensions")
        return extensions.record(name) if name in extensions else None

    def _get(self, key: str, default: Any) -> Any:
        value = self._fields.get(key, default)
        if value is None:
            raise UnreadableMeshError(f"its {self._path(key)} is missing")
        return value

    def _list(self, key: str, default: list[Any]) -> list[Any]:
        value = self._get(key, default)
        if not isinstance(value, list):
            raise UnreadableMeshError(f"its {self._path(key)} is no list")
        return value

    def _path(self, key: str) -> str:
        key = key if key.isidentifier() else quoted(key)
        return f"{self.place}.{key}" if self.place else key

    @staticmethod
    def _number(value: Any, place: str) -> float:
        # int.__float__ fails from 1e308 on, and JSON knows such numbers.
        if isinstance(value, bool) or not isinstance(value, int | float) or not -1e38 < value < 1e38:
            raise UnreadableMeshError(f"its {place} is no finite number")
        return float(value)

    @staticmethod
    def _whole(value: Any, place: str) -> int:
        whole = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        if not whole or not 0 <= value < _LARGEST or value != int(value):
            raise UnreadableMeshError(f"its {place} is no whole number from 0 on")
        return int(value)
