"""Which views of a scene are fitted, and which are held out to measure it."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from jaxtyping import Bool

from triptych.data.config import TestRule
from triptych.errors import InputError

_TEST_VIEWS = 8
_KINDS_KEPT = 256
"""Scenes that are split in the same way share one split: there may be very many."""
_MOST_TESTED = 3
"""By default at most one view in this many is held out."""


@dataclass(frozen=True)
class ViewSplit:
    """Which views of a scene are for fitting, and which are never seen by it.

    Attributes:
        train: sorted view numbers.
        test: sorted view numbers, none of them in ``train``.
    """

    train: tuple[int, ...]
    test: tuple[int, ...]


def split_by_rule(count: int, test_views: int | None, rule: TestRule, where: str) -> ViewSplit:
    """Hold out ``test_views`` of ``count`` sorted views: the first, or the middle ones of as many equal runs.

    None holds out 8, and a third of fewer than 24 views, so that a small scene keeps most of them for fitting.

    Raises:
        InputError: no view would remain for training.
    """
    if test_views is None:
        test_views = min(_TEST_VIEWS, count // _MOST_TESTED)
    if count <= test_views:
        raise InputError(f"{where}: {count} view(s), of which {test_views} cannot be held out; lower test_views")
    return _by_rule(count, test_views, rule)


@lru_cache(_KINDS_KEPT)
def _by_rule(count: int, test_views: int, rule: TestRule) -> ViewSplit:
    if rule == "first":
        test = tuple(range(test_views))
    else:
        test = tuple((2 * index + 1) * count // (2 * test_views) for index in range(test_views))
    return ViewSplit(train=tuple(sorted(set(range(count)) - set(test))), test=test)


def split_as_declared(is_test: Bool[np.ndarray, " view"], where: str) -> ViewSplit:
    """The split that the dataset itself makes.

    Raises:
        InputError: no view would remain for training.
    """
    split = _as_declared(is_test.tobytes())
    if not split.train:
        raise InputError(f"{where}: no view remains for training; loosen the rule that drops views")
    return split


@lru_cache(_KINDS_KEPT)
def _as_declared(is_test: bytes) -> ViewSplit:
    tested = np.frombuffer(is_test, dtype=bool)
    return ViewSplit(train=tuple(np.flatnonzero(~tested).tolist()), test=tuple(np.flatnonzero(tested).tolist()))
