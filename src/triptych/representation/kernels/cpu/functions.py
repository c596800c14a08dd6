"""Exponentials of vectors, as polynomials: a call of the C library for each lane would cost more than the MLP.

Relative errors are a few 1e-7. The coefficients are minimax fits by the Remez exchange: 2^f for f in [-1/2, 1/2]
(relative error 8e-8), (2^f - 1) / f on the same interval (1e-8), and log(1 + y) / y for y in [0, 1] (2e-7).
"""

from triptych.representation.kernels.cpu.vectors import (
    absolute,
    fma,
    inlined,
    maximum,
    polynomial,
    power_of_2,
    where_positive,
)

_LOG2_E = 1.4426950408889634
_POWER_OF_2 = (
    1.0000000716546849,
    0.6931469670647603,
    0.2402211972383998,
    0.05550713273497929,
    0.009675541334454401,
    0.001327647199258419,
)
_POWER_OF_2_LESS_1 = (
    0.6931471879266922,
    0.2402264979496646,
    0.05550357433634807,
    0.009618237493736468,
    0.0013390735478235126,
    0.00015403512759489148,
)
_LOG_OF_1_PLUS = (
    0.999999805666946,
    -0.49997405395724454,
    0.3327547977206075,
    -0.24495462828681114,
    0.17745241474546972,
    -0.1076817135392361,
    0.04408963217201868,
    -0.008539208663213262,
)
_ROUND = 12582912.0  # 1.5 · 2^23: adding it rounds a small float to an integer
_LOWEST = -87.0  # exp of less is no normal float32


@inlined
def _split_exponent(x):
    """2^n and f with x · log2(e) = n + f, n an integer, f in [-1/2, 1/2]."""
    rounded = fma(x, _LOG2_E, _ROUND)
    return power_of_2(rounded), fma(x, _LOG2_E, _ROUND - rounded)


@inlined
def exp_of_negative(x):
    """exp(x) for x <= 0."""
    power, rest = _split_exponent(maximum(_LOWEST, x))
    return power * polynomial(rest, _POWER_OF_2)


@inlined
def absorbed(x):
    """1 - exp(-x) for x >= 0, as accurate for small x as for large."""
    power, rest = _split_exponent(maximum(_LOWEST, -x))
    return (1.0 - power) - power * (rest * polynomial(rest, _POWER_OF_2_LESS_1))


@inlined
def softplus(x):
    """log(1 + exp(x))."""
    small = exp_of_negative(-absolute(x))
    return fma(small, polynomial(small, _LOG_OF_1_PLUS), maximum(0.0, x))


@inlined
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    small = exp_of_negative(-absolute(x))
    return where_positive(x, 1.0, small) / (1.0 + small)


@inlined
def softplus_and_slope(x):
    """Softplus and its derivative, the sigmoid, for the price of one exponential."""
    small = exp_of_negative(-absolute(x))
    value = fma(small, polynomial(small, _LOG_OF_1_PLUS), maximum(0.0, x))
    return value, where_positive(x, 1.0, small) / (1.0 + small)
