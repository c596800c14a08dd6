"""Small integers to bytes and back: an adaptive binary range coder, compiled by numba.

An integer is coded as the number of bits of its magnitude in unary, its sign, the bit below the highest, and the bits
below that. The first and the third are predicted from how often they were set before in the same situation: the class
of the band, and how large the neighbors to the left and above are. Sign and last bits are as likely as not. In front of
each band of each plane, a bit tells whether any of its integers is not 0.

The page of `triptych export web` has the same in ``coding.js``.
"""

from functools import cache
from typing import Any

import numpy as np
from numba import njit

from triptych.compiling import compile_cached, compile_inner

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


_SITUATION_OF = np.array([_situation(size) for size in range(1 << 13)], np.int32)
_RATES = np.array([(1 << 17) // (2 * count + 3) for count in range(63)], np.int32)
"""How far a chance moves toward the n-th bit that it has to predict, in units of 2^-16; the last one stays."""


def encode(values: np.ndarray, bands: np.ndarray) -> bytes:
    """Code integers of magnitudes up to ``MOST``.

    Args:
        values: int32 [plane, row, column].
        bands: rectangles of the planes, int64 [band, 5]: first row and column, rows, columns, class.
    """
    content = np.zeros(64 + _LONGEST * (values.size + len(values) * len(bands)), np.uint8)
    size = _compiled()(np.ascontiguousarray(values, np.int32), bands, content, False, *_tables(bands))
    return content[:size].tobytes().rstrip(b"\0")


def decode(content: bytes, bands: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """The integers that ``encode`` has coded, int32 [plane, row, column]; of other bytes some integers."""
    values = np.zeros(shape, np.int32)
    _compiled()(values, bands, np.frombuffer(content + bytes(4), np.uint8).copy(), True, *_tables(bands))
    return values


@cache
def _compiled() -> Any:
    return compile_cached(njit, _walk, nogil=True)


def _tables(bands: np.ndarray) -> tuple[np.ndarray, ...]:
    classes = int(bands[:, 4].max()) + 1
    chances = np.full((classes * (_SITUATIONS * _STAGES + 1), 2), (_HALF, 0), np.int32)
    return chances, _SITUATION_OF, _RATES


@compile_inner
def _pass(bit, chance, content, state):
    """One bit through the coder, in the direction of its state: reading, place, span, and code or lower end."""
    reading, place, span, low = state
    bound = (span >> 15) * chance
    if reading:
        bit = 1 if low < bound else 0
    if bit:
        span = bound
    else:
        low += -bound if reading else bound
        span -= bound
    while span < _TOP:
        span <<= 8
        if reading:
            low = low << 8 | (content[place] if place < len(content) else 0)
        else:
            _carry(content, place, low)
            content[place] = low >> 24 & 255
            low = (low & 0xFFFFFF) << 8
        place += 1
    return bit, (reading, place, span, low)


@compile_inner
def _carry(content, place, low):
    if low >> 32:
        place -= 1
        while content[place] == 255:
            content[place] = 0
            place -= 1
        content[place] += 1


@compile_inner
def _predicted(bit, which, chances, rates, content, state):
    """One bit whose chance is known from earlier ones, and learns from it."""
    chance, count = chances[which, 0], chances[which, 1]
    bit, state = _pass(bit, min(max(chance, _LEAST), _LARGEST), content, state)
    chances[which, 0] = chance + (((bit << 15) - chance) * rates[count] >> 16)
    chances[which, 1] = min(count + 1, len(rates) - 1)
    return bit, state


@compile_inner
def _number(value, first, chances, rates, content, state):
    """One integer in a situation whose chances begin at ``first``."""
    size = abs(value)
    bits = 0
    while bits < 24:
        bit, state = _predicted(size >> bits != 0, first + min(bits, _BELOW - 1), chances, rates, content, state)
        if not bit:
            break
        bits += 1
    if bits == 0:
        return 0, state
    negative, state = _pass(value < 0, _HALF, content, state)
    found = 1
    for place in range(bits - 2, -1, -1):
        bit = size >> place & 1
        if place == bits - 2:
            which = first + _BELOW + min(bits, _BELOW - 1)
            bit, state = _predicted(bit, which, chances, rates, content, state)
        else:
            bit, state = _pass(bit, _HALF, content, state)
        found = found << 1 | bit
    return (-found if negative else found), state


def _walk(values, bands, content, reading, chances, situation_of, rates):
    """All integers through the coder, one way or the other; tells how many bytes they take."""
    state = (reading, 0, 0xFFFFFFFF, 0)
    if reading:
        code = 0
        for place in range(4):
            code = code << 8 | (content[place] if place < len(content) else 0)
        state = (reading, 4, 0xFFFFFFFF, code)
    for band in range(len(bands)):
        top, left, rows, columns, kind = bands[band]
        for plane in range(len(values)):
            part = values[plane, top : top + rows, left : left + columns]
            which = len(chances) - 1 - kind
            some, state = _predicted(part.any(), which, chances, rates, content, state)
            if not some:
                continue
            for row in range(rows):
                before = 0  # to the left
                for column in range(columns):
                    size = 2 * before
                    if row:
                        size += 2 * abs(part[row - 1, column])
                        size += abs(part[row - 1, column - 1]) if column else 0
                        size += abs(part[row - 1, column + 1]) if column + 1 < columns else 0
                    situation = situation_of[min(size, len(situation_of) - 1)]
                    first = (kind * _SITUATIONS + situation) * _STAGES
                    value, state = _number(part[row, column], first, chances, rates, content, state)
                    part[row, column] = value
                    before = abs(value)
    place, low = state[1], state[3] + _TOP - 1
    if reading:
        return place
    _carry(content, place, low)
    content[place] = low >> 24 & 255
    return place + 1
