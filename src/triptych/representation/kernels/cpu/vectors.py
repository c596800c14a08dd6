"""Short float32 vectors for numba: one or a few registers as a value with arithmetic.

Numba leaves it to LLVM to find vector code in scalar loops, and LLVM does not find it in a loop nest that is to keep a
block of sums in registers. Here the vector is a type of its own, so that a kernel says what stays in registers:
``total = fma(read(a, i), load16(b, j), total)``. LLVM maps 8, 16 or 32 lanes to whatever the machine has: one, two or
four AVX registers, half as many AVX-512 ones, twice as many of NEON.

Arguments of the arithmetic are vectors of one length, or scalars, which are spread over all lanes. Comparisons are
false for NaN; they are arranged so that a NaN passes through. Nothing here can be called from Python.
"""

import inspect
import operator
from collections.abc import Callable
from functools import reduce
from typing import Any

import numba.extending
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.core.registry import cpu_target
from numba.extending import models, overload, register_model

FLOAT = ir.FloatType()
INT32 = ir.IntType(32)
WIDE = "+avx512f" in cpu_target.target_context.codegen().magic_tuple()[2]  # pyright: ignore[reportAttributeAccessIssue]
"""Whether numba compiles for 32 registers of 16 floats; else there may be 16 of 8."""


_LOOP_OPTIONS: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Callable[..., Any]) -> Any:
    """Numba's njit, for loops that only loops call.

    Takes the bare function, without what a run-time type checker may have wrapped around it, and leaves out the
    entry points from Python, which take as long to compile as the loop.
    """
    return njit(**_LOOP_OPTIONS)(inspect.unwrap(function))


def inlined(function: Callable[..., Any]) -> Any:
    """The same, for a function that is inlined into its caller."""
    return njit(inline="always", **_LOOP_OPTIONS)(inspect.unwrap(function))


def intrinsic(function: Callable[..., Any]) -> Any:
    """Numba's intrinsic: a function of the typing context and of types, called with values and without context."""
    return numba.extending.intrinsic(function)


class Vector(types.Type):
    """Numba's type of a vector of ``lanes`` float32."""

    def __init__(self, lanes) -> None:
        self.lanes = lanes
        super().__init__(name=f"Vector({lanes})")


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector is an LLVM vector."""

    def __init__(self, dmm, fe_type) -> None:
        super().__init__(dmm, fe_type, ir.VectorType(FLOAT, fe_type.lanes))


# Pieces of code generation. ``builder`` appends instructions; values are LLVM values.


def _constant(kind, value):
    return ir.Constant(kind, [value] * kind.count)


def _spread(builder, scalar, lanes):
    kind = ir.VectorType(scalar.type, lanes)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, INT32(0))
    return _pick(builder, single, single, [0] * lanes)


def _pick(builder, x, y, lanes):
    """Lanes of x followed by y, by number."""
    return builder.shuffle_vector(x, y, ir.Constant(ir.VectorType(INT32, len(lanes)), lanes))


def _call(builder, name, *vectors):
    kind = vectors[0].type
    signature = ir.FunctionType(kind, [kind] * len(vectors))
    function = cgutils.get_or_insert_function(builder.module, signature, f"llvm.{name}.v{kind.count}f32")
    return builder.call(function, vectors)


def _elementwise(kinds, emit):
    """Signature and code of ``emit(builder, *vectors)`` for arguments of these types."""
    vectors = {kind for kind in kinds if isinstance(kind, Vector)}
    if len(vectors) != 1 or not all(isinstance(kind, (Vector, types.Number)) for kind in kinds):
        raise TypingError(f"expected vectors of one length and scalars, got {kinds}")
    (vector,) = vectors

    def lift(context, builder, kind, value):
        if isinstance(kind, Vector):
            return value
        return _spread(builder, context.cast(builder, value, kind, types.float32), vector.lanes)

    def generate(context, builder, signature, arguments):
        pairs = zip(signature.args, arguments, strict=True)
        return emit(builder, *[lift(context, builder, kind, value) for kind, value in pairs])

    return vector(*kinds), generate


def _unary(emit):
    return intrinsic(lambda typingctx, x: _elementwise((x,), emit))


def _binary(emit):
    return intrinsic(lambda typingctx, x, y: _elementwise((x, y), emit))


def _ternary(emit):
    return intrinsic(lambda typingctx, x, y, z: _elementwise((x, y, z), emit))


# Arithmetic


def _emit_where_positive(builder, x, y, z):
    return builder.select(builder.fcmp_ordered(">=", x, _constant(x.type, 0.0)), y, z)


def _emit_power(builder, biased):
    integers = ir.VectorType(INT32, biased.type.count)
    shifted = builder.shl(builder.bitcast(biased, integers), _constant(integers, 23))
    return builder.bitcast(builder.add(shifted, _constant(integers, 0x3F800000)), biased.type)


fma = _ternary(lambda builder, x, y, z: _call(builder, "fmuladd", x, y, z))
"""x · y + z, in one rounding where the machine can."""
absolute = _unary(lambda builder, x: _call(builder, "fabs", x))
floor = _unary(lambda builder, x: _call(builder, "floor", x))
root = _unary(lambda builder, x: _call(builder, "sqrt", x))
maximum = _binary(lambda builder, x, y: builder.select(builder.fcmp_ordered(">", x, y), x, y))
"""x where x > y, else y: a NaN in y stays, a NaN in x gives y."""
minimum = _binary(lambda builder, x, y: builder.select(builder.fcmp_ordered("<", x, y), x, y))
"""x where x < y, else y: a NaN in y stays, a NaN in x gives y."""
where_positive = _ternary(_emit_where_positive)
"""y where x >= 0, else z."""
power_of_2 = _unary(_emit_power)
"""2^n of an integer n in [-126, 127] that is given as the float n + 1.5 · 2^23, whose lowest bits are n's."""

_add = _binary(lambda builder, x, y: builder.fadd(x, y))
_subtract = _binary(lambda builder, x, y: builder.fsub(x, y))
_multiply = _binary(lambda builder, x, y: builder.fmul(x, y))
_divide = _binary(lambda builder, x, y: builder.fdiv(x, y))
_negative = _unary(lambda builder, x: builder.fneg(x))


def _overload_operator(symbol, function):
    def implementation(x, y):
        if isinstance(x, Vector) or isinstance(y, Vector):
            return lambda x, y: function(x, y)
        return None

    overload(symbol)(implementation)


_overload_operator(operator.add, _add)
_overload_operator(operator.sub, _subtract)
_overload_operator(operator.mul, _multiply)
_overload_operator(operator.truediv, _divide)


@overload(operator.neg)
def _overload_negative(x):
    return (lambda x: _negative(x)) if isinstance(x, Vector) else None


@intrinsic
def polynomial(typingctx, x, coefficients):
    """Value at x of a polynomial with an even number of coefficients, from the constant term up.

    Pairs of terms, then Horner's rule in the square: half the latency of Horner's rule for one more product.
    """

    def generate(context, builder, signature, arguments):
        point, scalars = arguments
        terms = [
            _spread(builder, context.cast(builder, term, coefficients.dtype, types.float32), x.lanes)
            for term in cgutils.unpack_tuple(builder, scalars, len(coefficients))
        ]
        pairs = [_call(builder, "fmuladd", odd, point, even) for even, odd in zip(terms[::2], terms[1::2], strict=True)]
        square = builder.fmul(point, point)
        return reduce(lambda value, pair: _call(builder, "fmuladd", value, square, pair), reversed(pairs))

    return x(x, coefficients), generate


# Across lanes


def _make_spread(lanes):
    def spread(typingctx, scalar):
        def generate(context, builder, signature, arguments):
            return _spread(builder, arguments[0], lanes)

        return Vector(lanes)(types.float32), generate

    return intrinsic(spread)


def _make_lane(index):
    def lane(typingctx, vector):
        def generate(context, builder, signature, arguments):
            return builder.extract_element(arguments[0], INT32(index % vector.lanes))

        return types.float32(vector), generate

    return intrinsic(lane)


def _make_exclusive_sum(direction):
    def shifted(builder, vector, steps):
        lanes = vector.type.count
        sources = [lane - direction * steps for lane in range(lanes)]
        zeros = _constant(vector.type, 0.0)
        return _pick(builder, vector, zeros, [lane if 0 <= lane < lanes else lanes for lane in sources])

    def exclusive_sum(typingctx, vector):
        def generate(context, builder, signature, arguments):
            total = shifted(builder, arguments[0], 1)
            for step in (1, 2, 4):
                total = builder.fadd(total, shifted(builder, total, step))
            return total

        return Vector(8)(Vector(8)), generate

    return intrinsic(exclusive_sum)


spread8, spread16, spread32 = _make_spread(8), _make_spread(16), _make_spread(32)
"""One scalar in all lanes."""
first, last = _make_lane(0), _make_lane(-1)
"""One lane of a vector."""
sum_before, sum_after = _make_exclusive_sum(1), _make_exclusive_sum(-1)
"""In each of 8 lanes, the sum of the lanes before (after) it."""


@intrinsic
def sum_of_lanes(typingctx, vector):
    """The sum of all lanes."""

    def generate(context, builder, signature, arguments):
        lanes = [builder.extract_element(arguments[0], INT32(lane)) for lane in range(vector.lanes)]
        while len(lanes) > 1:
            lanes = [builder.fadd(*pair) for pair in zip(lanes[::2], lanes[1::2], strict=True)]
        return lanes[0]

    return types.float32(vector), generate


@intrinsic
def sums_of_lanes(typingctx, vectors):
    """One vector with the sum of each of 8 vectors of 8 lanes."""

    def add_neighbors(builder, x, y):
        even = _pick(builder, x, y, [0, 2, 8, 10, 4, 6, 12, 14])
        odd = _pick(builder, x, y, [1, 3, 9, 11, 5, 7, 13, 15])
        return builder.fadd(even, odd)

    def generate(context, builder, signature, arguments):
        rows = cgutils.unpack_tuple(builder, arguments[0], 8)
        while len(rows) > 2:
            rows = [add_neighbors(builder, *pair) for pair in zip(rows[::2], rows[1::2], strict=True)]
        low, high = rows
        low_halves = _pick(builder, low, high, [0, 1, 2, 3, 8, 9, 10, 11])
        high_halves = _pick(builder, low, high, [4, 5, 6, 7, 12, 13, 14, 15])
        return builder.fadd(low_halves, high_halves)

    return Vector(8)(vectors), generate
