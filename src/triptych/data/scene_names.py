"""What ``--scenes`` means, wherever scenes have names: in a dataset, in a bank."""

import re
from collections.abc import Collection, Mapping, Sequence

from triptych.errors import InputError


def choose_names(
    names: Collection[str],
    selection: str | None,
    *,
    splits: Mapping[str, Sequence[str]] | None = None,
    default: str = "all",
    of: str = "dataset",
) -> tuple[str, ...]:
    """The names that a selection stands for, sorted.

    Args:
        names: all there are.
        selection: "all", a declared split ("train", "test"), a range "start:stop" of the sorted names, or names
            separated by commas; None for the default.
        splits: names by use, where they are declared. They need not be among ``names`` unless they are chosen.
        default: the selection when none is given. Without declared splits, a split then means all.
        of: what the names belong to, for messages.

    Raises:
        InputError: the selection means no name, or one that is not there.
    """
    ordered, splits = sorted(names), splits or {}
    if selection is None:
        selection = "all" if default in ("train", "test") and not splits else default
    chosen = _resolve(ordered, selection, splits, of)
    known = set(ordered)
    for name in chosen:
        if name not in known:
            among = f" ({ordered[0]} ... {ordered[-1]})" if ordered else ""
            raise InputError(f"scenes: there is no scene {name!r} among the {len(ordered)} of the {of}{among}")
    if not chosen:
        remedy = f": give all, a range such as 0:{len(ordered)}, or names separated by commas" if ordered else ""
        raise InputError(f"scenes: {selection!r} names no scene; the {of} has {len(ordered)}{remedy}")
    return tuple(sorted(set(chosen)))


def _resolve(ordered: Sequence[str], selection: str, splits: Mapping[str, Sequence[str]], of: str) -> Sequence[str]:
    if selection == "all":
        return ordered
    if selection in splits:
        return splits[selection]
    if selection in ordered:
        return [selection]
    if selection in ("train", "test"):
        raise InputError(
            f"scenes: the {of} declares no split {selection!r}; give a range such as 0:{len(ordered)}, "
            "or names separated by commas"
        )
    ends = re.fullmatch(r"([0-9]{0,9}):([0-9]{0,9})", selection)
    if ends is None:
        return [name.strip() for name in selection.split(",")]
    start, stop = int(ends[1] or 0), int(ends[2] or len(ordered))
    if stop > len(ordered):
        raise InputError(f"scenes: {selection!r} reaches to {stop}; the {of} has {len(ordered)} scenes")
    return ordered[start:stop]
