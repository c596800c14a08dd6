"""Small integers to bytes and back: an adaptive binary range coder, compiled by numba.

An integer is coded as the number of bits of its magnitude in unary, its sign, the bit below the highest, and the bits
below that. The first and the third are predicted from how often they were set before in the same situation: the class
of the band, and how large the neighbors to the left and above are. Sign and last bits are as likely as not. In front of
each band of each plane, a bit tells whether any of its integers is not 0.

The page of `triptych export web` has the same in ``coding.js``.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from triptych.compiling import compile_cached, compile_inner, compile_within

MOST = (1 << 24) - 1
"""The largest magnitude."""
_SITUATIONS = 24
_STAGES = 32
"""Predicted bits per situation: those of the unary code, and from ``_BELOW`` on, by the number of bits, the one below
the highest."""
_BELOW = 16
_HALF = 1 << 14
"""A chance has 15 bits..."""
_LEAST, _LARGEST = 32, (1 << 15) - 32
"""... and is never 0 or 1."""
_TOP = 1 << 24
_LONGEST = 40
"""Bytes that one number takes at most: 25 bits that are predicted, of 10 bits each, and 23 others."""


def _situation(size: int) -> int:
    """Of the weighted sum of the neighbors' magnitudes: from 4 on, two per doubling."""
    if size < 4:
        return size
    bits = size.bit_length()
    return min(4 + 2 * (bits - 3) + (size >> (bits - 2) & 1), _SITUATIONS - 1)


_MOST_NEAR = (1 << 13) - 1
_SITUATION_OF = np.array([_situation(size) for size in range(_MOST_NEAR + 1)], np.int32)
_MOST_COUNTED = 62
"""Bits that a chance has predicted are counted up to this."""
_RATES = np.array([(1 << 17) // (2 * count + 3) for count in range(_MOST_COUNTED + 1)], np.int32)
"""How far a chance moves toward the n-th bit that it has to predict, in units of 2^-16; the last one stays."""


class Numbers(NamedTuple):
    """Integers of square planes that are not 0, in the order in which they are coded.

    Attributes:
        places: where in its plane each is, int32 [number]: row by row.
        values: int32 [number].
        ends: where those of each band of each plane end, int64 [band, plane].
    """

    places: np.ndarray
    values: np.ndarray
    ends: np.ndarray

    @classmethod
    def room(cls, planes: int, side: int, bands: np.ndarray) -> "Numbers":
        """Room for as many as there can be."""
        most = planes * side * side
        return cls(np.empty(most, np.int32), np.empty(most, np.int32), np.zeros((len(bands), planes), np.int64))

    @classmethod
    def of(cls, planes: np.ndarray, bands: np.ndarray) -> "Numbers":
        """Those of planes, integers [plane, row, column]."""
        found = cls.room(len(planes), planes.shape[-1], bands)
        return found.first(_compiled(_list)(np.ascontiguousarray(planes, np.int32), bands, *found))

    def first(self, count: int) -> "Numbers":
        """So many of them."""
        return Numbers(self.places[:count], self.values[:count], self.ends)


def encode(numbers: Numbers, bands: np.ndarray, side: int) -> bytes:
    """Code integers of magnitudes up to ``MOST``.

    Args:
        numbers: those of square planes.
        bands: rectangles of the planes, int64 [band, 5]: first row and column, rows, columns, class.
        side: of the planes.
    """
    planes = numbers.ends.shape[1]
    content = np.zeros(64 + _LONGEST * planes * (side * side + len(bands)), np.uint8)
    size = _compiled(_write)(numbers, side, bands, _chances(bands), content)
    return content[:size].tobytes().rstrip(b"\0")


def decode(content: bytes, bands: np.ndarray, planes: int, side: int) -> Numbers:
    """The integers that ``encode`` has coded; of other bytes some integers.

    Args:
        content: the bytes.
        bands: as in ``encode``.
        planes: how many there are.
        side: of the planes.
    """
    found, coded = Numbers.room(planes, side, bands), np.frombuffer(content + bytes(4), np.uint8).copy()
    return found.first(_compiled(_read)(found, side, bands, _chances(bands), coded))


@cache
def _compiled(function: Callable[..., int]) -> Any:
    return compile_cached(njit, function, nogil=True)


def _chances(bands: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each predicted bit to be set, and how many bits that has predicted, int32 [bit]."""
    classes = int(bands[:, 4].max()) + 1
    chances = np.full(classes * (_SITUATIONS * _STAGES + 1), _HALF, np.int32)
    return chances, np.zeros_like(chances)


# The coder's state is the place in the content, the span, and the code that is read or the lower end that is written.


@compile_inner
def _pass(reading, bit, chance, content, state):
    """One bit through the coder, reading it or writing it."""
    place, span, low = state
    bound = (span >> 15) * chance
    if reading:
        bit = low < bound
    if bit:
        span = bound
    else:
        low += -bound if reading else bound
        span -= bound
    return bit, _widened(reading, content, place, span, low)


@compile_inner
def _widened(reading, content, place, span, low):
    while span < _TOP:
        span <<= 8
        if reading:
            low = low << 8
            if place < content.size:
                low |= np.int64(content[np.uint64(place)])
        else:
            _carry(content, place, low)
            content[place] = low >> 24 & 255
            low = (low & 0xFFFFFF) << 8
        place += 1
    return place, span, low


@compile_inner
def _carry(content, place, low):
    if low >> 32:
        place -= 1
        while content[place] == 255:
            content[place] = 0
            place -= 1
        content[place] += 1


@compile_inner
def _predicted(reading, bit, which, learned, content, state):
    """One bit whose chance is known from earlier ones, and learns from it."""
    chances, counts = learned
    which = np.uint64(which)  # of a signed index numba asks whether it counts from the end
    chance, count = np.int64(chances[which]), np.int64(counts[which])
    bit, state = _pass(reading, bit, min(max(chance, _LEAST), _LARGEST), content, state)
    toward = (1 << 15) - chance if bit else -chance
    chances[which] = chance + (toward * np.int64(_RATES[np.uint64(count)]) >> 16)
    counts[which] = min(count + 1, _MOST_COUNTED)
    return bit, state


@compile_within
def _walk(reading, numbers, side, bands, learned, content, state):
    """All integers through the coder, one way or the other."""
    places, values, ends = numbers
    count = np.int64(0)
    above = np.zeros(side + 2, np.int64)  # magnitudes of the row before, with a 0 at either end
    for band in range(len(bands)):
        top, left, rows, columns, kind = bands[band]
        for plane in range(ends.shape[1]):
            some, which = count < ends[band, plane], len(learned[0]) - 1 - kind
            some, state = _predicted(reading, some, which, learned, content, state)
            above[:] = 0
            for row in range(top, top + rows if some else top):
                before = corner = np.int64(0)  # to the left, and above that
                for column in range(columns):
                    here, texel = above[np.uint64(column + 1)], row * side + left + column
                    near = min(2 * before + 2 * here + corner + above[np.uint64(column + 2)], _MOST_NEAR)
                    first = (kind * _SITUATIONS + _SITUATION_OF[np.uint64(near)]) * _STAGES
                    value = np.int64(0)
                    if not reading and count < ends[band, plane] and places[count] == texel:
                        value = np.int64(values[count])
                    size, bits = abs(value), np.int64(0)
                    while bits < 24:
                        bit, which = size >> bits != 0, first + min(bits, _BELOW - 1)
                        bit, state = _predicted(reading, bit, which, learned, content, state)
                        if not bit:
                            break
                        bits += 1
                    before = np.int64(0)
                    if bits:
                        minus, state = _pass(reading, value < 0, _HALF, content, state)
                        before = np.int64(1)
                        if bits > 1:
                            bit, which = size >> (bits - 2) & 1 != 0, first + _BELOW + min(bits, _BELOW - 1)
                            bit, state = _predicted(reading, bit, which, learned, content, state)
                            before = 2 | np.int64(bit)
                            for rest in range(bits - 3, -1, -1):
                                bit, state = _pass(reading, size >> rest & 1 != 0, _HALF, content, state)
                                before = before << 1 | np.int64(bit)
                        if reading:
                            places[np.uint64(count)], values[np.uint64(count)] = texel, -before if minus else before
                        count += 1
                    corner = here
                    above[np.uint64(column + 1)] = before
            if reading:
                ends[band, plane] = count
    return count, state


def _read(numbers, side, bands, learned, content):
    """Tells how many integers there are."""
    code = np.int64(0)
    for start in range(4):
        code = code << 8 | np.int64(content[start])
    state = np.int64(4), np.int64(0xFFFFFFFF), code
    return _walk(True, numbers, side, bands, learned, content, state)[0]


def _write(numbers, side, bands, learned, content):
    """Tells how many bytes there are."""
    state = np.int64(0), np.int64(0xFFFFFFFF), np.int64(0)
    _, (place, _, low) = _walk(False, numbers, side, bands, learned, content, state)
    low += _TOP - 1
    _carry(content, place, low)
    content[place] = low >> 24 & 255
    return place + 1


def _list(planes, bands, places, values, ends):
    """Tells how many integers there are."""
    count, side = 0, planes.shape[2]
    for band in range(len(bands)):
        top, left, rows, columns, _ = bands[band]
        for plane in range(len(planes)):
            for row in range(top, top + rows):
                for column in range(left, left + columns):
                    value = planes[plane, row, column]
                    if value:
                        places[count], values[count] = row * side + column, value
                        count += 1
            ends[band, plane] = count
    return count
