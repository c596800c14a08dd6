"""Short float32 vectors for numba: a register, or two, as a value with arithmetic.

Numba leaves it to LLVM to find vector code in scalar loops, which it does not in a loop nest that keeps a block of
accumulators in registers. Here the vector is a type of its own, so that a kernel says what stays in registers:
``fma(broadcast(a, i), load16(b, j), total)``. LLVM maps 8 or 16 lanes to whatever the machine has (two AVX registers,
one AVX-512 register, four NEON ones). Nothing here is called from Python.

Arguments of the functions below are ``Vector`` values or scalars, which are spread over all lanes; pointers are
``CPointer(float32)``; indices count floats. Comparisons are false for NaN, and are written so that NaN passes through.
"""

# pyright: basic, reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
# pyright: reportGeneralTypeIssues=false, reportPrivateImportUsage=false, reportIndexIssue=false
# pyright: reportOptionalMemberAccess=false, reportReturnType=false
# numba types these functions, not Python: intrinsics take a hidden first argument, vectors are no class.

import inspect
import operator
from functools import reduce

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.core.errors import TypingError
from numba.extending import intrinsic, models, overload, register_model

FLOAT = ir.FloatType()
INT32 = ir.IntType(32)
Floats = types.CPointer(types.float32)
Integers = types.CPointer(types.int64)


def compiled(function):
    """Numba's njit of a bare function, without what a run-time type checker may have wrapped around it."""
    return njit(inspect.unwrap(function), no_cpython_wrapper=True, no_cfunc_wrapper=True)


def inlined(function):
    """The same, for a function that shall dissolve in its caller."""
    return njit(inspect.unwrap(function), forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True)


class Vector(types.Type):
    """Numba's type of a vector of ``lanes`` float32."""

    def __init__(self, lanes):
        self.lanes = lanes
        super().__init__(name=f"Vector({lanes})")

    @property
    def key(self):
        return self.lanes


@register_model(Vector)
class VectorModel(models.PrimitiveModel):
    """A vector is an LLVM vector."""

    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.VectorType(FLOAT, fe_type.lanes))


def _constant(kind, value):
    return ir.Constant(kind, [value] * kind.count)


def _spread(builder, scalar, lanes):
    kind = ir.VectorType(scalar.type, lanes)
    single = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, INT32(0))
    return builder.shuffle_vector(single, ir.Constant(kind, ir.Undefined), _constant(ir.VectorType(INT32, lanes), 0))


def _result(arguments):
    vectors = {argument for argument in arguments if isinstance(argument, Vector)}
    if len(vectors) != 1 or not all(isinstance(a, (Vector, types.Number)) for a in arguments):
        raise TypingError(f"expected vectors of one length and scalars, got {arguments}")
    return vectors.pop()


def _lifted(context, builder, signature, arguments):
    """The arguments as LLVM vectors of the result's length."""
    for kind, value in zip(signature.args, arguments, strict=True):
        if isinstance(kind, Vector):
            yield value
        else:
            yield _spread(builder, context.cast(builder, value, kind, types.float32), signature.return_type.lanes)


def _elementwise(kinds, emit):
    """Signature and code generator that apply ``emit(builder, *llvm_vectors)`` to arguments of these types."""

    def generate(context, builder, signature, arguments):
        return emit(builder, *_lifted(context, builder, signature, arguments))

    return _result(kinds)(*kinds), generate


def _unary(emit):
    return intrinsic(lambda typingctx, x: _elementwise((x,), emit))


def _binary(emit):
    return intrinsic(lambda typingctx, x, y: _elementwise((x, y), emit))


def _ternary(emit):
    return intrinsic(lambda typingctx, x, y, z: _elementwise((x, y, z), emit))


def _call(builder, name, *vectors):
    kind = vectors[0].type
    function = cgutils.get_or_insert_function(
        builder.module, ir.FunctionType(kind, [kind] * len(vectors)), f"llvm.{name}.v{kind.count}f32"
    )
    return builder.call(function, vectors)


def _emit_greater(builder, x, y):
    return builder.select(builder.fcmp_ordered(">", x, y), x, y)


def _emit_less(builder, x, y):
    return builder.select(builder.fcmp_ordered("<", x, y), x, y)


def _emit_where_positive(builder, x, y, z):
    return builder.select(builder.fcmp_ordered(">=", x, _constant(x.type, 0.0)), y, z)


def _emit_power(builder, biased):
    integers = ir.VectorType(INT32, biased.type.count)
    shifted = builder.shl(builder.bitcast(biased, integers), _constant(integers, 23))
    return builder.bitcast(builder.add(shifted, _constant(integers, 0x3F800000)), biased.type)


add = _binary(lambda builder, x, y: builder.fadd(x, y))
subtract = _binary(lambda builder, x, y: builder.fsub(x, y))
multiply = _binary(lambda builder, x, y: builder.fmul(x, y))
divide = _binary(lambda builder, x, y: builder.fdiv(x, y))
negative = _unary(lambda builder, x: builder.fneg(x))

fma = _ternary(lambda builder, x, y, z: _call(builder, "fmuladd", x, y, z))
"""x · y + z, in one rounding where the machine can."""
absolute = _unary(lambda builder, x: _call(builder, "fabs", x))
floor = _unary(lambda builder, x: _call(builder, "floor", x))
maximum = _binary(_emit_greater)
"""x where x > y, else y: a NaN in y stays, a NaN in x gives y."""
minimum = _binary(_emit_less)
"""x where x < y, else y: a NaN in y stays, a NaN in x gives y."""
where_positive = _ternary(_emit_where_positive)
"""y where x >= 0, else z."""
_power = _unary(_emit_power)


def _overload_operator(symbol, function):
    def implementation(x, y):
        if isinstance(x, Vector) or isinstance(y, Vector):
            return lambda x, y: function(x, y)
        return None

    overload(symbol)(implementation)


_overload_operator(operator.add, add)
_overload_operator(operator.sub, subtract)
_overload_operator(operator.mul, multiply)
_overload_operator(operator.truediv, divide)


@overload(operator.neg)
def _negate(x):
    return (lambda x: negative(x)) if isinstance(x, Vector) else None


def _vector_pointer(builder, pointer, index, lanes):
    return builder.bitcast(builder.gep(pointer, [index]), ir.VectorType(FLOAT, lanes).as_pointer())


def _make_load(lanes):
    def load(typingctx, pointer, index):
        def generate(context, builder, signature, arguments):
            instruction = builder.load(_vector_pointer(builder, *arguments, lanes))
            instruction.align = 4
            return instruction

        return Vector(lanes)(pointer, types.intp), generate

    return intrinsic(load)


def _make_spread(lanes):
    def spread(typingctx, scalar):
        def generate(context, builder, signature, arguments):
            return _spread(builder, arguments[0], lanes)

        return Vector(lanes)(types.float32), generate

    return intrinsic(spread)


load8, load16, load32 = _make_load(8), _make_load(16), _make_load(32)
spread8, spread16, spread32 = _make_spread(8), _make_spread(16), _make_spread(32)


@intrinsic
def store(typingctx, pointer, index, vector):
    """Write a vector to pointer[index], pointer[index + 1], ..."""

    def generate(context, builder, signature, arguments):
        pointer, index, value = arguments
        instruction = builder.store(value, _vector_pointer(builder, pointer, index, vector.lanes))
        instruction.align = 4
        return context.get_dummy_value()

    return types.void(pointer, types.intp, vector), generate


@intrinsic
def read(typingctx, pointer, index):
    """pointer[index], one float or integer."""

    def generate(context, builder, signature, arguments):
        return builder.load(builder.gep(arguments[0], [arguments[1]]))

    return pointer.dtype(pointer, types.intp), generate


@intrinsic
def write(typingctx, pointer, index, value):
    """pointer[index] = value, one float or integer."""

    def generate(context, builder, signature, arguments):
        builder.store(arguments[2], builder.gep(arguments[0], [arguments[1]]))
        return context.get_dummy_value()

    return types.void(pointer, types.intp, pointer.dtype), generate


@intrinsic
def advance(typingctx, pointer, count):
    """The pointer ``count`` elements further."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


@intrinsic
def prefetch(typingctx, pointer, index):
    """Ask for the cache line that holds pointer[index]."""

    def generate(context, builder, signature, arguments):
        kinds = [ir.PointerType(ir.IntType(8)), INT32, INT32, INT32]
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(ir.VoidType(), kinds), "llvm.prefetch.p0"
        )
        place = builder.bitcast(builder.gep(arguments[0], [arguments[1]]), kinds[0])
        builder.call(function, [place, INT32(0), INT32(3), INT32(1)])
        return context.get_dummy_value()

    return types.void(pointer, types.intp), generate


def _make_pointer(kind):
    def pointer(typingctx, address):
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(types.uintp), generate

    return intrinsic(pointer)


floats_at, integers_at = _make_pointer(Floats), _make_pointer(Integers)


@intrinsic
def fetch_add(typingctx, pointer, value):
    """Add to pointer[0] atomically and return what it was: how threads share out work."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", arguments[0], arguments[1], "monotonic")

    return types.int64(Integers, types.int64), generate


@intrinsic
def last(typingctx, vector):
    """The last lane."""

    def generate(context, builder, signature, arguments):
        return builder.extract_element(arguments[0], INT32(vector.lanes - 1))

    return types.float32(vector), generate


@intrinsic
def first(typingctx, vector):
    """The first lane."""

    def generate(context, builder, signature, arguments):
        return builder.extract_element(arguments[0], INT32(0))

    return types.float32(vector), generate


def _shifted(builder, vector, steps):
    """Lanes moved up (or down, for negative steps), zeros moving in."""
    lanes = vector.type.count
    picks = [lane - steps if 0 <= lane - steps < lanes else lanes for lane in range(lanes)]
    mask = ir.Constant(ir.VectorType(INT32, lanes), picks)
    return builder.shuffle_vector(vector, _constant(vector.type, 0.0), mask)


def _make_sum_of(direction):
    def exclusive_sum(typingctx, vector):
        def generate(context, builder, signature, arguments):
            total = _shifted(builder, arguments[0], direction)
            step = 1
            while step < vector.lanes:
                total = builder.fadd(total, _shifted(builder, total, direction * step))
                step *= 2
            return total

        return vector(vector), generate

    return intrinsic(exclusive_sum)


sum_before, sum_after = _make_sum_of(1), _make_sum_of(-1)


def _sum_pairs(builder, x, y):
    """Sums of neighbouring lanes within each half of 4: [x01, x23, y01, y23 | x45, x67, y45, y67]."""
    even, odd = [0, 2, 8, 10, 4, 6, 12, 14], [1, 3, 9, 11, 5, 7, 13, 15]
    kind = ir.VectorType(INT32, 8)
    return builder.fadd(
        builder.shuffle_vector(x, y, ir.Constant(kind, even)),
        builder.shuffle_vector(x, y, ir.Constant(kind, odd)),
    )


@intrinsic
def sums_of_lanes(typingctx, vectors):
    """One vector with the sum of each of a tuple of 8 vectors of 8 lanes."""

    def generate(context, builder, signature, arguments):
        rows = cgutils.unpack_tuple(builder, arguments[0], 8)
        pairs = [_sum_pairs(builder, rows[i], rows[i + 1]) for i in range(0, 8, 2)]
        low, high = _sum_pairs(builder, pairs[0], pairs[1]), _sum_pairs(builder, pairs[2], pairs[3])
        kind = ir.VectorType(INT32, 8)
        return builder.fadd(
            builder.shuffle_vector(low, high, ir.Constant(kind, [0, 1, 2, 3, 8, 9, 10, 11])),
            builder.shuffle_vector(low, high, ir.Constant(kind, [4, 5, 6, 7, 12, 13, 14, 15])),
        )

    return Vector(8)(vectors), generate


@intrinsic
def total(typingctx, vector):
    """The sum of all lanes."""

    def generate(context, builder, signature, arguments):
        lanes = [builder.extract_element(arguments[0], INT32(i)) for i in range(vector.lanes)]
        while len(lanes) > 1:
            lanes = [builder.fadd(lanes[i], lanes[i + 1]) for i in range(0, len(lanes), 2)]
        return lanes[0]

    return types.float32(vector), generate


@intrinsic
def polynomial(typingctx, x, coefficients):
    """Coefficients from the constant term up, an even number; pairs of terms, then Horner's rule in the square.

    Half the latency of plain Horner for one more product, which is what binds a chain of polynomials.
    """

    def generate(context, builder, signature, arguments):
        terms = [
            _spread(builder, context.cast(builder, term, coefficients.dtype, types.float32), x.lanes)
            for term in cgutils.unpack_tuple(builder, arguments[1], len(coefficients))
        ]
        pairs = [
            _call(builder, "fmuladd", odd, arguments[0], even)
            for even, odd in zip(terms[::2], terms[1::2], strict=True)
        ]
        square = builder.fmul(arguments[0], arguments[0])
        return reduce(lambda value, pair: _call(builder, "fmuladd", value, square, pair), reversed(pairs))

    return x(x, coefficients), generate


# Minimax fits, by the Remez exchange: 2^f on [-1/2, 1/2] (relative error 8e-8), (2^f - 1) / f on the same interval
# (1e-8), and log(1 + y) / y on [0, 1] (2e-7).
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
# Adding 1.5 · 2^23 rounds a small float to an integer, which then stands in its lowest bits.
_ROUND = 12582912.0


@inlined
def _exponent(x):
    """x · log2(e) as a power of two with integer exponent, and the remaining exponent in [-1/2, 1/2]."""
    biased = fma(x, _LOG2_E, _ROUND)
    return _power(biased), fma(x, _LOG2_E, _ROUND - biased)


@inlined
def exp_of_negative(x):
    """exp(x) for x <= 0."""
    power, rest = _exponent(maximum(-87.0, x))
    return power * polynomial(rest, _POWER_OF_2)


@inlined
def absorbed(x):
    """1 - exp(-x) for x >= 0, accurate for small x as well."""
    power, rest = _exponent(maximum(-87.0, -x))
    return (1.0 - power) - power * (rest * polynomial(rest, _POWER_OF_2_LESS_1))


@inlined
def softplus(x):
    """log(1 + exp(x))."""
    small = exp_of_negative(-absolute(x))
    return fma(small, polynomial(small, _LOG_OF_1_PLUS), maximum(0.0, x))


@inlined
def softplus_and_slope(x):
    """log(1 + exp(x)) and its derivative, the sigmoid."""
    small = exp_of_negative(-absolute(x))
    value = fma(small, polynomial(small, _LOG_OF_1_PLUS), maximum(0.0, x))
    return value, where_positive(x, 1.0, small) / (1.0 + small)


@inlined
def sigmoid(x):
    """1 / (1 + exp(-x))."""
    small = exp_of_negative(-absolute(x))
    return where_positive(x, 1.0, small) / (1.0 + small)
