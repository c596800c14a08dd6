"""A GPU that is pretended: its memory is a part of this machine's, what computes is the CPU, but it refuses what a real
one refuses. So whole commands run with ``--device cuda`` where there is no GPU.

A tensor of it says ``cuda:0`` of itself. As on a real one, it cannot be mixed with tensors of the CPU, numpy cannot
read it, loops that are compiled for the CPU cannot be called with it, and what is random on it is not drawn from a
generator of the CPU. A CUDA graph is recorded operation by operation, without doing any of it, and repeated by doing
all of it again on the same memory. In place of Triton's kernels those of the CPU compute, which agree with them by
their own tests: Triton's interpreter would take minutes.

It does not show what only hardware does: how long anything takes, memory that runs out, work that is not yet done when
somebody reads it.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

import triptych.representation.kernels.cpu  # its operators  # noqa: F401

DEVICE, CPU = torch.device("cuda", 0), torch.device("cpu")
_COPIES = {"aten::copy_", "aten::_to_copy"}
_LOOKUPS = {"aten::index", "aten::index_put_", "aten::_index_put_impl_"}
"""What takes indices from the CPU, too, and waits for their copy."""
_READS = {"aten::_local_scalar_dense", "aten::nonzero", "aten::masked_select", "aten::equal", "aten::repeat_interleave"}
"""Whose result cannot be known before the device has done all that it was asked for."""
_EMPTY = {"aten::empty", "aten::empty_like", "aten::new_empty", "aten::empty_strided"}
"""Whose floats are no numbers, lest it should not matter that nobody has written them."""
_PRODUCTS = {"aten::mm", "aten::bmm", "aten::addmm", "aten::baddbmm", "aten::mv", "aten::dot"}
_KERNELS = {
    "triptych::triton_integrate": (torch.ops.triptych.integrate.default, 2),
    "triptych::triton_integrate_backward": (torch.ops.triptych.integrate_backward.default, 2),
    "triptych::triton_place_samples": (torch.ops.triptych.place_samples.default, 1),
    "triptych::triton_densities": (torch.ops.triptych.densities.default, 1),
    "triptych::triton_total_variation": (torch.ops.triptych.total_variation.default, 0),
    "triptych::triton_total_variation_backward": (torch.ops.triptych.total_variation_backward.default, 0),
}
"""What computes in place of Triton's kernels, and how many of their last arguments it does not have: determinism and
precision."""


class OnGpu(Tensor):
    """A tensor of the pretended GPU; ``memory`` is the same tensor as one of the CPU."""

    memory: Tensor
    device: Any = property(lambda self: DEVICE)
    is_cuda: Any = property(lambda self: True)
    is_cpu: Any = property(lambda self: False)
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, memory: Tensor) -> "OnGpu":
        tensor = Tensor._make_subclass(cls, memory, False)
        tensor.memory = memory
        return tensor

    @classmethod
    def __torch_dispatch__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(function, args, kwargs or {})

    def numpy(self, *_: Any, **__: Any) -> Any:
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() first.")

    __array__ = numpy

    def tolist(self) -> Any:
        return self.cpu().tolist()

    def __deepcopy__(self, memo: Any) -> "OnGpu":
        copy = OnGpu(self.memory.detach().clone()).requires_grad_(self.requires_grad)
        if isinstance(self, torch.nn.Parameter):
            copy._is_param = True  # pyright: ignore[reportAttributeAccessIssue]
        memo[id(self)] = copy
        return copy

    def new_tensor(self, data: Any, *, dtype: Any = None, **_: Any) -> Any:
        return torch.tensor(data, dtype=dtype or self.dtype, device=DEVICE)


class PretendedGpu(TorchDispatchMode):
    """The GPU. While it is entered, tensors that are asked to be made on ``cuda`` come to be on it.

    Attributes:
        waits: operations for which Python waited until the device had done everything before, in their order.
        replays: how often a recorded graph has been repeated.
    """

    now: "PretendedGpu | None" = None

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []
        self.replays = 0
        self.recording: Graph | None = None

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _done(function, args, kwargs or {})

    def wait(self, name: str) -> None:
        """Count it; a recording does not bear it."""
        if self.recording is not None:
            raise RuntimeError(f"{name}: operation not permitted when stream is capturing")
        self.waits.append(name)


class Graph:
    """What stands for ``torch.cuda.CUDAGraph``: operations with their arguments and results."""

    def __init__(self) -> None:
        self._operations: list[tuple[Any, Any, Any, Any]] = []
        self._before: list[tuple[Tensor, Tensor]] = []

    def record(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Results of the right shapes; what the operation changes is as before once the recording ends."""
        for tensor in _written(function, args, kwargs):
            self._before.append((tensor, tensor.clone()))
        results = function(*args, **kwargs)
        self._operations.append((function, args, kwargs, results))
        return results

    def end(self) -> None:
        for tensor, before in reversed(self._before):
            tensor.copy_(before)
        self._before.clear()

    def replay(self) -> None:
        assert PretendedGpu.now is not None
        PretendedGpu.now.replays += 1
        for function, args, kwargs, results in self._operations:
            own = {_storage(tensor) for tensor in tree_leaves((args, kwargs)) if isinstance(tensor, Tensor)}
            anew = function(*args, **kwargs)
            for kept, new in zip(tree_leaves(results), tree_leaves(anew), strict=True):
                if isinstance(kept, Tensor) and _storage(kept) not in own:
                    kept.copy_(new)


def _written(function: Any, args: Any, kwargs: Any) -> list[Tensor]:
    """The tensors that an operation changes."""
    aliases = {argument.name: argument.alias_info for argument in function._schema.arguments}
    values = dict(zip(aliases, args, strict=False)) | kwargs
    written = [value for name, value in values.items() if aliases[name] is not None and aliases[name].is_write]
    return [tensor for tensor in tree_leaves(written) if isinstance(tensor, Tensor)]


def _storage(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _memory(leaf: Any) -> Any:
    return leaf.memory if isinstance(leaf, OnGpu) else leaf


def _done(function: Any, args: Any, kwargs: Any) -> Any:
    """An operation, on the GPU if it has tensors there or is to make one there."""
    gpu, name = PretendedGpu.now, function._schema.name
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    wanted = kwargs.get("device")
    is_made_there = wanted is not None and torch.device(wanted).type == "cuda"
    if gpu is None or not (is_made_there or any(isinstance(tensor, OnGpu) for tensor in tensors)):
        return function(*args, **kwargs)
    _refuse(name, tensors, kwargs)
    if _waits(name, args, tensors):
        gpu.wait(name)
    if wanted is not None:
        kwargs = {**kwargs, "device": CPU}
    if name in _KERNELS:
        function, given = _KERNELS[name]
        args = args[: len(args) - given]
    call = gpu.recording.record if gpu.recording else lambda function, args, kwargs: function(*args, **kwargs)
    result = call(function, *tree_map(_memory, (args, kwargs)))
    if name in _EMPTY:
        result.fill_(torch.nan if result.is_floating_point() else 0)
    known = {id(_memory(tensor)): tensor for tensor in tensors}
    return tree_map(lambda leaf: _placed(leaf, known), result)


def _placed(leaf: Any, known: dict[int, Tensor]) -> Any:
    if not isinstance(leaf, Tensor):
        return leaf
    return known[id(leaf)] if id(leaf) in known else OnGpu(leaf)


def _refuse(name: str, tensors: list[Tensor], kwargs: Any) -> None:
    """What a real one refuses."""
    generator = kwargs.get("generator")
    if generator is not None and generator.device.type == "cpu":
        raise RuntimeError(f"{name}: Expected a 'cuda' device type for generator but found 'cpu'")
    if name.startswith("triptych::") and not name.startswith("triptych::triton_"):
        raise RuntimeError(f"{name}: compiled for the CPU, called with tensors of the GPU")
    if name in _PRODUCTS and not tensors[0].is_floating_point():
        raise RuntimeError(f'{name}: "addmm_cuda" not implemented for {tensors[0].dtype}')
    strangers = [tensor for tensor in tensors if not isinstance(tensor, OnGpu) and tensor.dim()]
    is_shape_alone = name.endswith("_like") or name.startswith("aten::new_")
    if strangers and not is_shape_alone and name not in _COPIES | _LOOKUPS:
        raise RuntimeError(f"{name}: Expected all tensors to be on the same device, cuda:0 and cpu")
    if name in _LOOKUPS and not isinstance(tensors[0], OnGpu):
        raise RuntimeError(f"{name}: indices should be either on cpu or on the same device as the indexed tensor (cpu)")


def _waits(name: str, args: Any, tensors: list[Tensor]) -> bool:
    if name in _COPIES:
        without_waiting = len(args) > 2 and args[2] and all(_is_there_or_pinned(tensor) for tensor in tensors)
        return not without_waiting and any(not isinstance(tensor, OnGpu) for tensor in tensors)
    if name not in _LOOKUPS:
        return name in _READS
    indices = [tensor for tensor in args[1] if tensor is not None]
    return any(tensor.dtype == torch.bool or not isinstance(tensor, OnGpu) for tensor in indices)


def _is_there_or_pinned(tensor: Any) -> bool:
    return isinstance(tensor, OnGpu) or getattr(tensor, "is_said_pinned", False)


class _Sent(torch.autograd.Function):
    """A copy of a CPU's tensor on the GPU."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return OnGpu(tensor.detach().clone())

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return gradient.memory.clone()


class _Fetched(torch.autograd.Function):
    """A copy of the GPU's tensor on the CPU."""

    @staticmethod
    def forward(ctx: Any, tensor: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return tensor.memory.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Any) -> Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        return OnGpu(gradient.clone())


_convert, _tensor, _as_tensor = Tensor.to, torch.tensor, torch.as_tensor


def _to(self: Any, *args: Any, **kwargs: Any) -> Any:
    """``Tensor.to``, which torch itself would look for its GPU in."""
    like = [arg for arg in args if isinstance(arg, Tensor)]
    if like:
        args = (like[0].device, like[0].dtype, *[arg for arg in args if not isinstance(arg, Tensor)])
    rest = {name: value for name, value in kwargs.items() if name not in ("copy", "memory_format")}
    device, dtype, without_waiting, _ = torch._C._nn._parse_to(*args, **rest)
    there = self.device.type if device is None else device.type
    tensor = self
    if there == "cuda" and not isinstance(tensor, OnGpu):
        if not without_waiting:
            _now().wait("to cuda")
        else:
            assert _is_there_or_pinned(tensor), "not pinned, so that this would wait after all"
        tensor = _Sent.apply(tensor)
    elif there != "cuda" and isinstance(tensor, OnGpu):
        _now().wait("to cpu")
        tensor = _Fetched.apply(tensor)
    changes = {name: kwargs[name] for name in ("copy", "memory_format") if name in kwargs and tensor is self}
    return _convert(tensor, tensor.dtype if dtype is None else dtype, **changes)


def _now() -> PretendedGpu:
    assert PretendedGpu.now is not None
    return PretendedGpu.now


def _pinned(self: Any) -> Any:
    copy = self.clone()
    copy.is_said_pinned = True
    return copy


def _made(make: Any) -> Any:
    """``torch.tensor`` and its like, by way of the CPU."""

    def made(data: Any, *args: Any, device: Any = None, **kwargs: Any) -> Any:
        if device is None and isinstance(data, OnGpu):
            device = DEVICE
        plain = data.memory if isinstance(data, OnGpu) else make(data, *args, **kwargs)
        return plain if device is None else plain.to(device)

    return made


@contextmanager
def _recording(graph: Graph, **_: Any) -> Iterator[None]:
    gpu = _now()
    gpu.recording = graph
    try:
        yield
    finally:
        gpu.recording = None
        graph.end()


def pretend(monkeypatch: pytest.MonkeyPatch, free: int = 2**34) -> PretendedGpu:
    """Let this process have a GPU, with so many bytes free; enter the result to use it."""
    gpu = PretendedGpu()
    monkeypatch.setattr(PretendedGpu, "now", gpu)
    for name, value in {
        "_lazy_init": lambda: None,
        "is_available": lambda: True,
        "device_count": lambda: 1,
        "is_bf16_supported": lambda **_: False,
        "get_device_name": lambda *_: "pretended GPU",
        "get_device_properties": lambda *_: SimpleNamespace(multi_processor_count=1, total_memory=free),
        "mem_get_info": lambda *_: (free, free),
        "memory_allocated": lambda *_: 0,
        "max_memory_allocated": lambda *_: 2**20,
        "reset_peak_memory_stats": lambda *_: None,
        "empty_cache": lambda: None,
        "synchronize": lambda *_: gpu.wait("synchronize"),
        "device_of": lambda *_: nullcontext(),
        "get_rng_state": lambda *_: torch.zeros(1),
        "set_rng_state": lambda *_: None,
        "current_stream": lambda *_: None,
        "stream": lambda *_: nullcontext(),
        "CUDAGraph": Graph,
        "graph": _recording,
    }.items():
        monkeypatch.setattr(torch.cuda, name, value)
    for name, value in {"to": _to, "cpu": lambda self: self.to(CPU), "pin_memory": _pinned}.items():
        monkeypatch.setattr(Tensor, name, value)
    monkeypatch.setattr(torch, "tensor", _made(_tensor))
    monkeypatch.setattr(torch, "as_tensor", _made(_as_tensor))
    # Parameters on the GPU are others than those on the CPU, of which a real one would only change the data.
    monkeypatch.setattr(torch.__future__, "_overwrite_module_params_on_conversion", True)
    _enter_in_threads(gpu, monkeypatch)
    monkeypatch.setattr("triptych.representation.kernels.triton._DEVICE", DEVICE.type)
    monkeypatch.setattr("triptych.representation.kernels.triton.rows.step_rows", _step_rows)
    return gpu


def _enter_in_threads(gpu: PretendedGpu, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads begin without the modes of the one that starts them."""
    run = threading.Thread.run

    def entered(thread: threading.Thread) -> None:
        with gpu:
            run(thread)

    monkeypatch.setattr(threading.Thread, "run", entered)


def _step_rows(rows: Any, chosen: Tensor, gradient: Tensor, rate: Any, decays: Any, epsilon: float) -> None:
    """See ``kernels.triton.rows.step_rows``."""
    rows.steps[chosen] += 1
    first, second = decays
    shape = -1, *(1 for _ in gradient.shape[1:])
    steps = rows.steps[chosen].reshape(shape)
    mean = rows.first_moment[chosen] * first + (1 - first) * gradient
    square = rows.second_moment[chosen] * second + (1 - second) * gradient**2
    rows.first_moment[chosen], rows.second_moment[chosen] = mean, square
    root = (square / (1 - second**steps)).sqrt() + epsilon
    rows.parameters[chosen] -= rate / (1 - first**steps) * mean / root
