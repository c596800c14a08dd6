"""How a GPU computes where a user asks for it. There is none here: torch's own settings tell."""

from collections.abc import Iterator

import pytest
import torch

from triptych.cli import main
from triptych.cli.stages import Train
from triptych.runtime import arithmetic

GPU, CPU = torch.device("cuda"), torch.device("cpu")


@pytest.fixture(autouse=True)
def as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(Train, "run", lambda self: None)
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    yield
    torch.use_deterministic_algorithms(False)
    torch.set_float32_matmul_precision("highest")


def test_a_gpu_is_deterministic_and_as_exact_as_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    main(["train", "data", "--out", "run"])
    assert arithmetic(GPU) == {}
    main(["train", "data", "--out", "run", "--deterministic", "--products", "tf32"])
    assert torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == "high"
    assert arithmetic(GPU) == {"deterministic": True, "products": "tf32"}
    assert arithmetic(CPU) == {}
    assert torch.is_deterministic_algorithms_warn_only_enabled()  # what has no such way is warned of, not refused


def test_a_cpu_computes_as_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    main(["train", "data", "--out", "run", "--deterministic", "--products", "bfloat16"])
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.get_float32_matmul_precision() == "highest"
