"""What stands for names in lists."""

from collections.abc import Sequence

from triptych.text import one_line


def labelled(names: Sequence[str]) -> dict[str, str]:
    """Names by what stands for them in a list: one line each, no two alike."""
    labels: dict[str, str] = {}
    for name in names:
        label, count = one_line(name), 1
        while label in labels:
            count += 1
            label = f"{one_line(name)} ({count})"
        labels[label] = name
    return labels
