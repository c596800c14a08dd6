"""Commands that are misspelt: what was meant."""

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, get_args

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
    for hint in type_hints(known[word]).values():
        if is_union_of_commands(hint):
            check_command(get_args(hint)[0], arguments[1:], f"{before} {word}")


def is_union_of_commands(hint: Any) -> bool:
    """Whether a field is one of several commands."""
    members = get_args(get_args(hint)[0]) if get_args(hint) else ()
    return bool(members) and all(hasattr(next(iter(get_args(member)), None), "run") for member in members)
