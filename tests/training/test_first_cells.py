"""The cells in which a new scene is sampled first."""

import pytest
import torch
from balls import tiny_stage1

from triptych.data import Dataset
from triptych.data.posed_views import PosedViews
from triptych.geometry import bit_grid
from triptych.model import CategoryModel
from triptych.training.beginning import own_or_created, untrained
from triptych.training.conditions import Conditions
from triptych.training.first_cells import first_cells

STAGE1 = tiny_stage1()


@pytest.fixture
def model(balls: Dataset) -> CategoryModel:
    return untrained(balls, STAGE1, own_or_created(None, STAGE1.autoencoder, balls), Conditions())


def test_they_are_those_of_the_category_within_the_hull(balls: Dataset, model: CategoryModel) -> None:
    views = PosedViews(balls.select("train", "all"))
    hull = first_cells(model, views, 0)
    share = float(bit_grid.unpack(hull).float().mean())
    assert 0.0 < share < 0.5
    lower = bit_grid.unpack(bit_grid.everywhere())
    lower[16:] = False
    model.start_occupancy.copy_(bit_grid.pack(lower))
    assert torch.equal(first_cells(model, views, 0), hull & model.start_occupancy)


def test_pictures_that_leave_nothing_leave_the_category(
    balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    views, middle = PosedViews(balls.select("train", "all")), torch.zeros(32, 32, 32, dtype=torch.bool)
    middle[12:20, 12:20, 12:20] = True
    model.start_occupancy.copy_(bit_grid.pack(middle))
    monkeypatch.setattr(
        "triptych.training.first_cells.silhouettes", lambda images, _: torch.zeros_like(images[:, 0], dtype=torch.bool)
    )
    monkeypatch.setattr(PosedViews, "opacities", lambda self, batch: torch.zeros(len(batch.rows), 1, 1))
    assert torch.equal(first_cells(model, views, 0), model.start_occupancy)
    monkeypatch.setattr(PosedViews, "opacities", lambda self, batch: torch.ones(len(batch.rows), 1, 1))
    assert torch.equal(first_cells(model, views, 0), model.start_occupancy)  # opaque everywhere: nothing is carved
