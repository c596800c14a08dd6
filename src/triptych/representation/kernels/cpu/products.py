"""Matrix products of blocks of samples.

4 rows and 16 columns of a result are kept in registers (8 of AVX; 8 rows in 8 of AVX-512), so that each number loaded
serves several multiplications.
"""

from triptych.representation.kernels.cpu.memory import advance, load16, read, store
from triptych.representation.kernels.cpu.vectors import WIDE, compiled, fma, inlined


@compiled
def product(a, a_row, a_step, b, b_step, depth, start, start_row, out, out_row, rows, columns):
    """out[r, c] = start[r, c] + sum over k < depth of a[r · a_row + k · a_step] · b[k, c].

    Columns are a multiple of 16. ``start_row`` 0 starts every row from the same one, a bias; ``start`` may be ``out``.
    """
    for c in range(0, columns, 16):
        own_b, own_start, own_out, r = advance(b, c), advance(start, c), advance(out, c), 0
        if WIDE:
            while r + 8 <= rows:
                _eight_rows(
                    advance(a, r * a_row), a_row, a_step, own_b, b_step, depth,
                    advance(own_start, r * start_row), start_row, advance(own_out, r * out_row), out_row,
                )  # fmt: skip
                r += 8
        while r + 4 <= rows:
            _four_rows(
                advance(a, r * a_row), a_row, a_step, own_b, b_step, depth,
                advance(own_start, r * start_row), start_row, advance(own_out, r * out_row), out_row,
            )  # fmt: skip
            r += 4
        for last in range(r, rows):
            s0 = load16(own_start, last * start_row)
            for k in range(depth):
                s0 = fma(read(a, last * a_row + k * a_step), load16(own_b, k * b_step), s0)
            store(own_out, last * out_row, s0)


@inlined
def _four_rows(a, a_row, a_step, b, b_step, depth, start, start_row, out, out_row):
    s0, s1, s2, s3 = _load_four(start, start_row)
    a1 = advance(a, a_row)
    a2 = advance(a1, a_row)
    a3 = advance(a2, a_row)
    for k in range(depth):
        values, place = load16(b, k * b_step), k * a_step
        s0 = fma(read(a, place), values, s0)
        s1 = fma(read(a1, place), values, s1)
        s2 = fma(read(a2, place), values, s2)
        s3 = fma(read(a3, place), values, s3)
    _store_four(out, out_row, s0, s1, s2, s3)


@inlined
def _eight_rows(a, a_row, a_step, b, b_step, depth, start, start_row, out, out_row):
    s0, s1, s2, s3 = _load_four(start, start_row)
    s4, s5, s6, s7 = _load_four(advance(start, 4 * start_row), start_row)
    a1 = advance(a, a_row)
    a2 = advance(a1, a_row)
    a3 = advance(a2, a_row)
    a4 = advance(a3, a_row)
    a5 = advance(a4, a_row)
    a6 = advance(a5, a_row)
    a7 = advance(a6, a_row)
    for k in range(depth):
        values, place = load16(b, k * b_step), k * a_step
        s0 = fma(read(a, place), values, s0)
        s1 = fma(read(a1, place), values, s1)
        s2 = fma(read(a2, place), values, s2)
        s3 = fma(read(a3, place), values, s3)
        s4 = fma(read(a4, place), values, s4)
        s5 = fma(read(a5, place), values, s5)
        s6 = fma(read(a6, place), values, s6)
        s7 = fma(read(a7, place), values, s7)
    _store_four(out, out_row, s0, s1, s2, s3)
    _store_four(advance(out, 4 * out_row), out_row, s4, s5, s6, s7)


@inlined
def _load_four(start, row):
    return load16(start, 0), load16(start, row), load16(start, 2 * row), load16(start, 3 * row)


@inlined
def _store_four(out, row, s0, s1, s2, s3):
    store(out, 0, s0)
    store(out, row, s1)
    store(out, 2 * row, s2)
    store(out, 3 * row, s3)
