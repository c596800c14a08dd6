"""Values, names and messages from elsewhere, made safe to show: a scene may be called anything."""

import re
import reprlib
from collections.abc import Iterable, Sequence

_NAMED = 3
_JOINERS = "\u200c\u200d"
"""Letters of several scripts, and pictograms, are joined or kept apart by these alone."""
_MARKUP = re.compile(r"[\\`*\[\]|$~]|(?<![^\W_])_|_(?![^\W_])")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


# A value may be nested deeply or hold a million numbers.
_REPR = reprlib.Repr()
_REPR.maxstring = _REPR.maxother = _REPR.maxlong = 80
_REPR.maxlist = _REPR.maxdict = 16


def shown(value: object) -> str:
    """A value from a file as an error message quotes it, cut to a readable length."""
    text = _REPR.repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def one_line(text: str) -> str:
    """A text as one line of a terminal: what would break the line, move the cursor, or change colors or the direction
    of writing becomes an escape such as ``\\n``."""
    return "".join(
        letter if letter.isprintable() or letter in _JOINERS else letter.encode("unicode_escape").decode()
        for letter in text
    )


def markdown_cell(text: str) -> str:
    """A text that a cell of a Markdown table shows as it is: no markup, no HTML, no formula, no further cell."""
    without_markup = _MARKUP.sub(lambda match: f"\\{match[0]}", one_line(text))
    # Not every reader of Markdown knows a backslash before these.
    return "".join(_HTML.get(letter, letter) for letter in without_markup)


def span(counts: Iterable[int]) -> str:
    """The smallest and the largest of some numbers as text, or the only one."""
    values = sorted(counts)
    return " to ".join(dict.fromkeys(str(value) for value in (values[0], values[-1])))


def listed(names: Sequence[str], most: int = _NAMED) -> str:
    """The first few names as part of a line, and how many more there are."""
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(one_line(name) for name in names[:most]) + rest


def first_and_last(names: Sequence[str]) -> str:
    """The ends of a list of names as part of a line."""
    ends = [one_line(name) for name in (*names[:1], *names[1:][-1:])]
    return (" ... " if len(names) > 2 else ", ").join(ends) or "none"
