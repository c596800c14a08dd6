"""Apple's GPUs take the reference renderer. None is here: what they have not is looked for on the CPU."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from balls import tiny_stage1
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.representation import kernels
from triptych.runtime import choose_device
from triptych.training.beginning import own_or_created, untrained
from triptych.training.conditions import CPU, Conditions
from triptych.training.config import SkippingConfig
from triptych.training.joint import ShuffledViews
from triptych.training.phase import Phase
from triptych.training.scenes import SceneParameters
from triptych.training.step import Work, take_step

STAGE1 = tiny_stage1()


class DoublePrecision(TorchDispatchMode):
    """Operations that make numbers in float64, which mps has not."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = function(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) and leaf.dtype == torch.float64 for leaf in tree_leaves(made)):
            self.found.append(str(function))
        return made


@pytest.mark.parametrize(
    "phase", [replace(STAGE1.joint, shift_views=True), replace(STAGE1.warmup, pixels=48, step_count=4)]
)
def test_a_step_of_the_reference_makes_no_number_in_float64(phase: Phase, balls: Dataset) -> None:
    dataset = balls.select("train", "all")
    model = untrained(dataset, STAGE1, own_or_created(None, STAGE1.autoencoder, dataset), Conditions())
    scenes, views = SceneParameters.fresh(STAGE1.planes, 3, torch.Generator(), CPU), PosedViews(dataset)
    work = Work(phase, model, scenes, views, SkippingConfig(first_update=1, update_every=2), "reference")
    with DoublePrecision() as seen:
        for step in range(3):
            take_step(work, step, ShuffledViews(views, 0))
    assert not seen.found


def test_a_number_in_float64_is_seen() -> None:
    with DoublePrecision() as seen:
        torch.zeros(2).double()
    assert seen.found


def test_it_is_a_device_where_it_is_available_and_takes_the_reference(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("mps") == torch.device("mps")
    elsewhere = torch.zeros(1, 3, 4, 4, 2, device="meta")  # neither a CPU nor an NVIDIA GPU, as mps
    assert not kernels.has_triton_for(elsewhere)
