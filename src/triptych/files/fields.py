"""Fields of a JSON object, checked for their type, and dataclasses of settings as JSON objects."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from triptych.errors import InputError
from triptych.options import is_hidden, problems, type_hints, unchecked
from triptych.text import shown

Kind = TypeVar("Kind")
KIND = "kind"
"""The field that tells the dataclasses of a union apart: a literal of one value."""
_WORDS = {
    dict: "an object", list: "a list", str: "a text", bool: "true or false", int: "a whole number",
    Path: "a path", NoneType: "null",
}  # fmt: skip


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
    return _value(kind, document[name], f"{where}, {name}")


def as_fields(settings: Any) -> dict[str, Any]:
    """A dataclass as the JSON object that ``dataclass_of`` reads: its fields by name, those of a dataclass inside it in
    an object of their own, or beside the others where the command line shows it under no name of its own."""
    document: dict[str, Any] = {}
    for name, hint in type_hints(type(settings)).items():
        value = getattr(settings, name)
        if is_dataclass(value):
            document |= as_fields(value) if is_hidden(hint) else {name: as_fields(value)}
        else:
            document[name] = str(value) if isinstance(value, Path) else value
    return document


def dataclass_of(kind: type[Kind], values: object, where: object, default: Kind | None = None) -> Kind:
    """A dataclass from the JSON object that ``as_fields`` made of one.

    Args:
        kind: the dataclass. Its fields are booleans, numbers, texts, paths, one of several literals, tuples of these,
            or dataclasses; of several dataclasses, ``kind`` tells which.
        values: the JSON value.
        where: the file and the field, for the message.
        default: the values of fields that are missing; if None, the dataclass's own defaults, where it has them.

    Raises:
        InputError: a field is missing, unknown, of another type, out of its range, or contradicts another one.
    """
    made = _dataclass(kind, values, str(where), default)
    for path, complaint in problems(made):
        raise InputError(f"{where}: {'.'.join(path)} {complaint}")
    return made


def _dataclass(kind: Any, values: object, where: str, default: Any) -> Any:
    if not isinstance(values, dict):
        raise InputError(f"{where}: expected an object, found {shown(values)}")
    rest = dict(values)
    made = _filled(kind, rest, where, default)
    for name in sorted(rest):
        raise InputError(f"{where}: the field {name!r} is unknown")
    return made


def _filled(kind: Any, rest: dict[str, Any], where: str, default: Any) -> Any:
    """The dataclass of what it takes out of ``rest``."""
    taken: dict[str, Any] = {}
    hints = type_hints(kind)
    for field in fields(kind):
        name, hint = field.name, hints[field.name]
        before = None if default is None else getattr(default, name)
        if is_hidden(hint):
            chosen = _chosen(_choices(hint), rest, where, before)
            taken[name] = _filled(chosen, rest, where, before if type(before) is chosen else None)
        elif name in rest:
            taken[name] = _value(hint, rest.pop(name), f"{where}, {name}", before)
        elif default is not None:
            taken[name] = before
        elif field.default is MISSING and field.default_factory is MISSING:
            raise InputError(f"{where}: the field {name!r} is missing")
    return unchecked(kind, taken)


def _value(hint: Any, value: Any, where: str, default: Any = None) -> Any:
    choices = _choices(hint)
    dataclasses = [choice for choice in choices if is_dataclass(choice)]
    if dataclasses:
        chosen: Any = _chosen(dataclasses, value, where, default)
        return _dataclass(chosen, value, where, default if type(default) is chosen else None)
    for choice in choices:
        if _suits(choice, value):
            # Stored numbers stay as they are: a model's identity depends on how they are written.
            return float(value) if type(default) is float else _converted(choice, value, where)
    raise InputError(f"{where}: expected {' or '.join(map(_words, choices))}, found {shown(value)}")


def _chosen(choices: list[Any], value: Any, where: str, default: Any) -> Any:
    """The dataclass that a JSON object is one of."""
    if len(choices) == 1:
        return choices[0]
    by_name = {kind_of(choice): choice for choice in choices}
    name = value.get(KIND, getattr(default, KIND, None)) if isinstance(value, dict) else None
    if name not in by_name:
        raise InputError(f"{where}, {KIND}: expected one of {', '.join(by_name)}, found {shown(name)}")
    return by_name[name]


def kind_of(choice: Any) -> str:
    """The value of ``kind`` that stands for one of the dataclasses of a union."""
    return get_args(_unwrapped(type_hints(choice)[KIND]))[0]


@dataclass(frozen=True)
class UnionPart:
    """A part of a dataclass that is one of several dataclasses.

    Attributes:
        path: the names of the fields that lead to it.
        shown: the same as the command line and files have it, without hidden ones.
        choices: the dataclasses by ``kind``.
    """

    path: tuple[str, ...]
    shown: tuple[str, ...]
    choices: Mapping[str, Any]


def unions_of(kind: Any, path: tuple[str, ...] = (), shown: tuple[str, ...] = ()) -> Iterator[UnionPart]:
    """The parts of a dataclass, and of those inside it, that are one of several dataclasses."""
    for name, hint in type_hints(kind).items():
        here, visible = (*path, name), shown if is_hidden(hint) else (*shown, name)
        members = _choices(hint)
        if not all(is_dataclass(member) for member in members):
            continue
        if len(members) > 1:
            yield UnionPart(here, visible, {kind_of(member): member for member in members})
        else:
            yield from unions_of(members[0], here, visible)


def _choices(hint: Any) -> list[Any]:
    """The types of a union; of another annotation itself."""
    hint = _unwrapped(hint)
    return [_unwrapped(choice) for choice in get_args(hint)] if get_origin(hint) in (Union, UnionType) else [hint]


def _unwrapped(hint: Any) -> Any:
    while get_origin(hint) is Annotated:
        hint = get_args(hint)[0]
    return hint


def _suits(hint: Any, value: Any) -> bool:
    if get_origin(hint) is Literal:
        return any(value == choice and type(value) is type(choice) for choice in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, list)
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    return type(value) is (str if hint is Path else hint)


def _converted(hint: Any, value: Any, where: str) -> Any:
    if get_origin(hint) is tuple:
        return tuple(_value(get_args(hint)[0], part, where) for part in value)
    return Path(value) if hint is Path else value


def _words(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"one of {get_args(hint)}"
    if get_origin(hint) is tuple:
        return "a list"
    return "a finite number" if hint is float else _WORDS[hint]
