"""Fields of a JSON object, checked for their type."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from triptych.errors import InputError
from triptych.text import shown

Kind = TypeVar("Kind")
_WORDS = {dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a whole number"}


def field_of(document: object, name: str, kind: type[Kind], where: object) -> Kind:
    """A field of a JSON object: an object, a list, a text, a boolean, a whole number or (float) any finite number.

    Args:
        document: what a file holds.
        name: of the field.
        kind: ``dict``, ``list``, ``str``, ``bool``, ``int`` or ``float``.
        where: the file, for the message.

    Raises:
        InputError: it is missing, or of another type.
    """
    if not isinstance(document, Mapping) or name not in document:
        raise InputError(f"{where}: the field {name!r} is missing")
    return _as(kind, document[name], f"{where}, {name}")


def dataclass_of(kind: type[Kind], values: object, where: object) -> Kind:
    """A dataclass from the JSON object that ``asdict`` made of one; fields that have a default may be missing.

    Args:
        kind: the dataclass; its fields are booleans, numbers, texts or one of several literals.
        values: the JSON value.
        where: the file and the field, for the message.

    Raises:
        InputError: a field is missing, unknown, of another type or out of its range.
    """
    assert is_dataclass(kind)
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected an object, found {shown(values)}")
    types = get_type_hints(kind)
    needed = {field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING}
    for name in sorted((needed - values.keys()) | (values.keys() - types.keys())):
        raise InputError(f"{where}: the field {name!r} is {'missing' if name in types else 'unknown'}")
    checked = {name: _as(types[name], value, f"{where}, {name}") for name, value in values.items()}
    try:
        return kind(**checked)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _as(kind: Any, value: Any, where: str) -> Any:
    if get_origin(kind) is Literal:
        if not isinstance(value, str | int) or value not in get_args(kind):
            raise InputError(f"{where}: expected one of {get_args(kind)}, found {shown(value)}")
        return value
    if kind is float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise InputError(f"{where}: expected a finite number, found {shown(value)}")
        return value
    if type(value) is not kind:
        raise InputError(f"{where}: expected {_WORDS[kind]}, found {shown(value)}")
    return value
