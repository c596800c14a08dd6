"""Commands that are misspelt, and places that are given as options: what was meant."""

from collections.abc import Sequence
from dataclasses import is_dataclass
from difflib import get_close_matches
from typing import Annotated, Any, get_args, get_origin

import tyro

from triptych.errors import InputError
from triptych.options import type_hints


def check_command(commands: Any, arguments: Sequence[str], before: str = "triptych") -> None:
    """Refuse a command that is not among those of a union, or of one below it, with the nearest one.

    Args:
        commands: union of the commands, each marked with its name.
        arguments: what the user has typed, ``before`` left out.
        before: the program and the commands above.

    Raises:
        InputError: there is no such command.
    """
    word = arguments[0] if arguments else "-"
    if word.startswith("-"):
        return
    known = {mark.name: command for command, mark in map(get_args, get_args(commands))}
    if word not in known:
        near = get_close_matches(word, known, n=1)
        meant = f"did you mean `{before} {near[0]}`? " if near else ""
        raise InputError(f"there is no command `{before} {word}`; {meant}there are {', '.join(known)}")
    _check_places(known[word], arguments[1:], f"{before} {word}")
    for hint in type_hints(known[word]).values():
        if is_union_of_commands(hint):
            check_command(get_args(hint)[0], arguments[1:], f"{before} {word}")


def _check_places(command: type, arguments: Sequence[str], before: str) -> None:
    """Refuse an option that is the name of what a command takes by its place."""
    places = _places(command)
    for argument in arguments:
        name = argument.removeprefix("--").partition("=")[0]
        if argument.startswith("--") and name in places:
            order = " ".join(places.values())
            raise InputError(f"`{before}` has no option --{name}; write it by its place: `{before} {order} ...`")


def _places(command: Any) -> dict[str, str]:
    """What a command takes by its place, in order: how help shows it, by its name."""
    found = {}
    for name, hint in type_hints(command).items():
        inner, *marks = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        shown = [mark for mark in marks if hasattr(mark, "metavar")]
        if tyro.conf.Positional in marks:
            found[name] = next((mark.metavar for mark in shown if mark.metavar), name.upper())
        elif is_dataclass(inner) and any(mark.name == "" for mark in shown):
            found |= _places(inner)
    return found


def is_union_of_commands(hint: Any) -> bool:
    """Whether a field is one of several commands."""
    members = get_args(get_args(hint)[0]) if get_args(hint) else ()
    return bool(members) and all(hasattr(next(iter(get_args(member)), None), "run") for member in members)
