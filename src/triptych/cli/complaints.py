"""What the parser says about options, in a box of many lines: the same in one."""

import io
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr

from triptych.cli.endings import BAD_INPUT
from triptych.errors import InputError

_BORDER = ("╭", "╰")
_UNKNOWN = "Unrecognized options: "
_MISSING = "Missing from "
_REQUIRED = "(required)"
_HELP = re.compile(r"triptych[\w -]* --help")


@contextmanager
def one_line_complaints() -> Iterator[None]:
    """Let the parser say in one line what is wrong with what the user has typed.

    Raises:
        InputError: something is wrong.
    """
    said = io.StringIO()
    try:
        with redirect_stderr(said):
            yield
    except SystemExit as end:
        if end.code == BAD_INPUT:
            raise InputError(_complaint(said.getvalue())) from None
        raise
    else:
        sys.stderr.write(said.getvalue())


def _complaint(box: str) -> str:
    """What a box says, whose last part is the command for help."""
    parts: list[list[str]] = [[]]
    for line in box.splitlines():
        text = line.strip("│ ")
        if text and not text.strip("─-"):
            parts.append([])
        elif text and not line.startswith(_BORDER):
            parts[-1].append(text)
    if len(parts) > 1 and not box.startswith(_BORDER):
        del parts[0]  # without the letters for borders, the title stands above a rule
    first, *others = (" ".join(part) for part in parts)
    line = first.rstrip(".")
    if first.startswith(_UNKNOWN):
        line = _unknown(first, parts[1:])
    elif first.startswith(_MISSING):
        line = _missing(*parts[0])
    help_with = _HELP.search(others[-1]) if others else None
    return f"{line}{'' if line.endswith('?') else ';'} see `{help_with[0]}`" if help_with else line


def _missing(title: str, *lines: str) -> str:
    """Each option that is missing, with what it is in brackets behind it: its lines end with a mark."""
    named: list[list[str]] = []
    last = _REQUIRED
    for line in lines:
        named = [*named, [line]] if last.endswith(_REQUIRED) else [*named[:-1], [*named[-1], line]]
        last = line
    told = (f"{name} ({' '.join(words).removesuffix(_REQUIRED).rstrip('. ')})" for name, *words in named)
    return f"{title} {', '.join(told)}"


def _unknown(line: str, others: Sequence[Sequence[str]]) -> str:
    typed = line.removeprefix(_UNKNOWN).split(", ")
    options = [word for word in typed if word.startswith("-")]
    if not options:
        return f"expected nothing more, found {' '.join(typed)}"
    near = dict.fromkeys(text.split()[0] for part in others for text in part if text.startswith("--"))
    meant = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"there is no option {', '.join(options)}{meant}"
