"""Which meshes are copies of one another, and a split that never parts them.

A copy with other colors, or with a siren on the roof, is no new object: had stage 1 seen the one, the other
would not test how well unseen objects are learned.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt64

SAME = 0.54
"""Jaccard similarity of two sets of vertices from which two meshes are copies: they share 7 of 10."""
SKETCH = 512
"""Vertices that stand for a mesh; the standard error of a similarity is then 0.02."""
_CELLS = 997
"""Grid cells along the longest side. A prime: round coordinates lie on no edge between two cells."""
_TINY = 1e-4
"""Fraction of the longest side below which a coordinate is taken for zero."""


@dataclass(frozen=True)
class Fingerprint:
    """Bottom-k sketches (Broder 1997) of a mesh's vertices: the smallest hashes of rounded positions.

    Two sketches, because each survives what the other does not.

    Attributes:
        in_file: of the positions in the file. A longer bumper, which changes the scale, moves no vertex.
        in_box: of the positions in the scene box, counted from its floor. A copy in other units is the same.
    """

    in_file: UInt64[np.ndarray, "_"]
    in_box: UInt64[np.ndarray, "_"]

    def similarity(self, other: "Fingerprint") -> float:
        """Estimated Jaccard similarity |A and B| / |A or B|; exact for meshes of at most SKETCH vertices."""
        return max(_jaccard(self.in_file, other.in_file), _jaccard(self.in_box, other.in_box))


def fingerprint(in_file: Float[np.ndarray, "vertex 3"], in_box: Float[np.ndarray, "vertex 3"]) -> Fingerprint:
    """The fingerprint of a mesh; order and repetition of vertices do not matter.

    Args:
        in_file: vertices in the file's axes and units.
        in_box: vertices of the upright mesh in the scene box, z up.
    """
    size = np.ptp(in_file, axis=0).max()
    mantissa, exponent = np.frexp(np.where(np.abs(in_file) < _TINY * size, 0.0, in_file))
    rounded = np.rint(mantissa * 1024).astype(np.int64) * 4096 + exponent

    lower, upper = in_box.min(axis=0), in_box.max(axis=0)
    floor = np.array([(lower[0] + upper[0]) / 2, (lower[1] + upper[1]) / 2, lower[2]])
    cells = np.rint((in_box - floor) / (upper - lower).max() * _CELLS).astype(np.int64)
    return Fingerprint(_sketch(rounded), _sketch(cells))


def group_copies(fingerprints: Mapping[str, Fingerprint]) -> list[list[str]]:
    """Names of meshes grouped so that copies, and copies of copies, are together; in the order given."""
    names = list(fingerprints)
    group_of = np.arange(len(names))
    # Most meshes have no vertex in common: only those that have one are compared.
    owners: dict[int, list[int]] = defaultdict(list)
    for later, name in enumerate(names):
        hashes = [*fingerprints[name].in_file.tolist(), *fingerprints[name].in_box.tolist()]
        for earlier in sorted({owner for key in hashes for owner in owners[key]}):
            if fingerprints[name].similarity(fingerprints[names[earlier]]) >= SAME:
                group_of[group_of == group_of[later]] = group_of[earlier]
        for key in hashes:
            owners[key].append(later)
    return [[names[index] for index in np.flatnonzero(group_of == group)] for group in np.unique(group_of)]


def split_groups(groups: Sequence[Sequence[str]], test_fraction: float, seed: int) -> dict[str, list[str]]:
    """Deal whole groups out to ``train`` and ``test`` in a seeded random order.

    A group goes to ``test`` if that brings the number of test scenes closer to ``test_fraction`` of all. Both
    uses get at least one group where there are two groups and the fraction is neither 0 nor 1.
    """
    target = test_fraction * sum(len(group) for group in groups)
    order = np.random.default_rng(seed).permutation(len(groups))
    train: list[Sequence[str]] = []
    test: list[Sequence[str]] = []
    for group in (groups[int(index)] for index in order):
        missing = target - sum(map(len, test))
        use = test if abs(missing - len(group)) < abs(missing) else train
        use.append(group)
    for full, empty in ((train, test), (test, train)):
        if not empty and len(full) > 1 and 0 < test_fraction < 1:
            empty.append(full.pop())
    return {use: sorted(name for group in dealt for name in group) for use, dealt in (("train", train), ("test", test))}


def _sketch(cells: np.ndarray) -> np.ndarray:
    hashes = np.zeros(len(cells), np.uint64)
    for axis in cells.T:
        hashes = _mixed(hashes + axis.astype(np.uint64))
    return np.unique(hashes)[:SKETCH]


def _mixed(keys: np.ndarray) -> np.ndarray:
    """SplitMix64 (Steele et al. 2014): near keys get unrelated values, so the smallest are a fair sample."""
    keys = keys + np.uint64(0x9E3779B97F4A7C15)
    keys = (keys ^ (keys >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    keys = (keys ^ (keys >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return keys ^ (keys >> np.uint64(31))


def _jaccard(a: np.ndarray, b: np.ndarray) -> float:
    union = np.union1d(a, b)[:SKETCH]
    return float(np.isin(union, np.intersect1d(a, b, assume_unique=True), assume_unique=True).mean())
