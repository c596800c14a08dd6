"""Memory as numba loops see it: bare pointers to float32, int64 and int32, indexed in elements, never checked.

The caller of the loops allocates everything. Nothing here can be called from Python.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils

from triptych.representation.kernels.cpu.vectors import FLOAT, Vector, intrinsic

Floats = types.CPointer(types.float32)
Integers = types.CPointer(types.int64)
Words = types.CPointer(types.int32)


def _make_pointer(kind):
    def pointer(typingctx, address):
        def generate(context, builder, signature, arguments):
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(types.uintp), generate

    return intrinsic(pointer)


floats_at, integers_at, words_at = _make_pointer(Floats), _make_pointer(Integers), _make_pointer(Words)
"""The pointer to an address."""


@intrinsic
def integers_of(typingctx, pointer):
    """Memory of floats, used for integers of twice the size."""

    def generate(context, builder, signature, arguments):
        return builder.bitcast(arguments[0], context.get_value_type(Integers))

    return Integers(Floats), generate


@intrinsic
def advance(typingctx, pointer, count):
    """The pointer ``count`` elements further."""

    def generate(context, builder, signature, arguments):
        return builder.gep(arguments[0], [arguments[1]])

    return pointer(pointer, types.intp), generate


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


def _vector_pointer(builder, pointer, index, lanes):
    return builder.bitcast(builder.gep(pointer, [index]), ir.VectorType(FLOAT, lanes).as_pointer())


def _make_load(lanes):
    def load(typingctx, pointer, index):
        def generate(context, builder, signature, arguments):
            pointer, index = arguments
            instruction = builder.load(_vector_pointer(builder, pointer, index, lanes))
            instruction.align = 4
            return instruction

        return Vector(lanes)(Floats, types.intp), generate

    return intrinsic(load)


load8, load16, load32 = _make_load(8), _make_load(16), _make_load(32)
"""The vector pointer[index], pointer[index + 1], ..."""


@intrinsic
def store(typingctx, pointer, index, vector):
    """Write a vector to pointer[index], pointer[index + 1], ..."""

    def generate(context, builder, signature, arguments):
        pointer, index, value = arguments
        instruction = builder.store(value, _vector_pointer(builder, pointer, index, vector.lanes))
        instruction.align = 4
        return context.get_dummy_value()

    return types.void(Floats, types.intp, vector), generate


@intrinsic
def prefetch(typingctx, pointer, index):
    """Begin to load the cache line of pointer[index]."""

    def generate(context, builder, signature, arguments):
        pointer, index = arguments
        address = builder.bitcast(builder.gep(pointer, [index]), ir.IntType(8).as_pointer())
        integer = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [ir.IntType(8).as_pointer(), integer, integer, integer])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(function, [address, integer(0), integer(3), integer(1)])
        return context.get_dummy_value()

    return types.void(Floats, types.intp), generate


@intrinsic
def fetch_add(typingctx, pointer, value):
    """Add to pointer[0] atomically and return what it was: how threads share out work."""

    def generate(context, builder, signature, arguments):
        return builder.atomic_rmw("add", *arguments, "monotonic")

    return types.int64(Integers, types.int64), generate
