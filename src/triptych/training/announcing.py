"""What is said before the work: how many views of each scene are fitted, and how many are kept for testing."""

from collections.abc import Callable

from triptych.data import Dataset, ViewSplit
from triptych.data.notes import FEW_VIEWS
from triptych.text import listed, span


def view_counts(dataset: Dataset) -> list[str]:
    """How many views of the scenes are fitted and tested, and which scenes have too few of them; one line each."""
    splits = dict(zip(dataset.names, map(dataset.views, range(len(dataset))), strict=True))
    lines = [
        f"{len(splits)} scene(s), of each {span(len(split.train) for split in splits.values())} views to fit and "
        f"{span(len(split.test) for split in splits.values())} to test"
    ]
    few = _with(splits, lambda split: len(split.train) < FEW_VIEWS)
    if few:
        fewest = min(len(splits[name].train) for name in few)
        lines.append(
            f"few views to fit, down to {fewest}, for a good scene: {listed(few)}; add pictures, or lower --test-views"
        )
    untested = _with(splits, lambda split: not split.test)
    if untested:
        lines.append(f"no view to test, so the quality stays unknown: {listed(untested)}; --test-views holds some out")
    return lines


def _with(splits: dict[str, ViewSplit], condition: Callable[[ViewSplit], bool]) -> list[str]:
    return [name for name, split in splits.items() if condition(split)]
