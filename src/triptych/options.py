"""Options: dataclasses of settings whose annotations say which values they take.

    @dataclass(frozen=True)
    class Fitting(Options):
        steps: Annotated[int, Range(1, 1_000_000)] = 100

Whoever makes one (a Python program, the command line, a JSON file) has its values checked by the same rules. What is
wrong is told as the name of the field, as they wrote it, and what was expected.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import cache
from numbers import Integral, Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from triptych.errors import InputError

Made = TypeVar("Made")
_checked_later: ContextVar[bool] = ContextVar("checked_later", default=False)


@dataclass(frozen=True)
class Range:
    """The numbers that an option takes, both ends included."""

    lowest: int | float
    highest: int | float

    def complaint(self, number: Any) -> str | None:
        """What is wrong with a number, None if nothing is."""
        if self.lowest <= number <= self.highest:
            return None
        kind = "a whole number" if isinstance(number, Integral) else "a number"
        return f"is {number}, expected {kind} from {self.lowest} to {self.highest}"


class Options:
    """Base of dataclasses whose values are checked.

    Raises:
        InputError: at construction, where a value is of another type than its annotation, out of its ``Range``, or
            contradicts another one.
    """

    def __post_init__(self) -> None:
        if not _checked_later.get():
            for field, complaint in _complaints(self):
                raise InputError(f"{type(self).__name__}: {field} {complaint}")

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """What cannot be, though each value alone can: the name of a field, and the rest of the sentence. Called when
        each value is as its annotation says."""
        return iter(())


@contextmanager
def checked_later() -> Iterator[None]:
    """Options may be made of any values meanwhile: for those who then look for ``problems``, and know more about the
    names under which the user gave them."""
    token = _checked_later.set(True)
    try:
        yield
    finally:
        _checked_later.reset(token)


def unchecked(kind: type[Made], values: Mapping[str, Any]) -> Made:
    """A dataclass of values that nobody has looked at, made without its constructor; the others get their defaults."""
    made = object.__new__(kind)
    for each in fields(kind):  # pyright: ignore[reportArgumentType]
        if each.name in values:
            value = values[each.name]
        else:
            value = each.default if each.default_factory is MISSING else each.default_factory()
        object.__setattr__(made, each.name, value)
    return made


def problems(options: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong in a dataclass and in those inside it: the path of field names, and the rest of the sentence.

    A field that the command line shows under no name of its own (``tyro.conf.arg(name="")``) is left out of paths.
    """
    for field, complaint in _complaints(options):
        yield (field,), complaint
    for field, hint in type_hints(type(options)).items():
        value = getattr(options, field)
        if is_dataclass(value):
            for path, complaint in problems(value):
                yield (path if is_hidden(hint) else (field, *path)), complaint


def is_hidden(hint: Any) -> bool:
    """Whether the command line shows a field under no name of its own, by its annotation with marks."""
    return any(getattr(mark, "name", None) == "" for mark in getattr(hint, "__metadata__", ()))


def _complaints(options: Any) -> Iterator[tuple[str, str]]:
    """What is wrong with the fields themselves; contradictions only between values that can be."""
    found = [
        (name, complaint)
        for name, hint in type_hints(type(options)).items()
        if (complaint := _complaint(getattr(options, name), hint))
    ]
    yield from found
    if not found and isinstance(options, Options):
        yield from options.contradictions()


@cache
def type_hints(kind: type) -> dict[str, Any]:
    """The annotations of a dataclass's fields, with their marks."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: hints[field.name] for field in fields(kind)}


def _complaint(value: Any, hint: Any) -> str | None:
    """What is wrong with a value, the rest of a sentence that begins with its name; None if nothing is."""
    if get_origin(hint) is Annotated:
        inner, *rules = get_args(hint)
        ranges = [rule for rule in rules if isinstance(rule, Range)]
        return _complaint(value, inner) or next(filter(None, (each.complaint(value) for each in ranges)), None)
    if get_origin(hint) in (Union, UnionType):
        found = [_complaint(value, part) for part in get_args(hint)]
        return None if None in found else found[0]
    if get_origin(hint) is tuple:
        return _complaint_about_tuple(value, get_args(hint)[0])
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        same = any(value == choice and type(value) is type(choice) for choice in choices)
        return None if same else f"is {value!r:.80}, expected one of {', '.join(map(str, choices))}"
    return _complaint_about_one(value, hint)


def _complaint_about_tuple(value: Any, hint: Any) -> str | None:
    if not isinstance(value, tuple):
        return f"is {value!r:.80}, expected several values"
    return next((found for part in value if (found := _complaint(part, hint))), None)


_KINDS: Mapping[Any, tuple[type, str]] = {
    int: (Integral, "a whole number"),
    float: (Real, "a number"),
    bool: (bool, "true or false"),
    str: (str, "a text"),
    NoneType: (NoneType, "nothing"),
}


def _complaint_about_one(value: Any, hint: Any) -> str | None:
    kind, expected = _KINDS.get(hint, (object, ""))
    right = isinstance(value, kind) and (hint not in (int, float) or not isinstance(value, bool))
    return None if right else f"is {value!r:.80}, expected {expected}"
