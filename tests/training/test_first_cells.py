"""The cells in which a new scene is sampled first."""

import numpy as np
import pytest
import torch
from balls import tiny_stage1

from triptych.data import Dataset
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
    hull = first_cells(model, balls, 0)
    share = float(bit_grid.unpack(hull).float().mean())
    assert 0.0 < share < 0.5
    lower = bit_grid.unpack(bit_grid.everywhere())
    lower[16:] = False
    model.start_occupancy.copy_(bit_grid.pack(lower))
    assert torch.equal(first_cells(model, balls, 0), hull & model.start_occupancy)


def test_what_looks_like_the_background_is_there_where_alpha_says_so(
    balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    hull, kept = first_cells(model, balls, 0), Dataset.with_alpha

    def half_white(self: Dataset, scene: int, views: list[int]) -> np.ndarray:
        pictures = kept(self, scene, views)
        pictures[:, :, :16, :3] = 255
        return pictures

    monkeypatch.setattr(Dataset, "with_alpha", half_white)
    assert torch.equal(first_cells(model, balls, 0), hull)
    monkeypatch.setattr(Dataset, "has_alpha", lambda *_: False)
    fewer = first_cells(model, balls, 0)
    assert torch.equal(fewer & hull, fewer)
    assert not torch.equal(fewer, hull)


def test_where_nothing_would_be_left_the_category_remains(
    balls: Dataset, model: CategoryModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    middle = torch.zeros(32, 32, 32, dtype=torch.bool)
    middle[12:20, 12:20, 12:20] = True
    model.start_occupancy.copy_(bit_grid.pack(middle))

    def a_corner(self: Dataset, scene: int, views: list[int]) -> np.ndarray:
        pictures = np.full((len(views), 32, 32, 3), 255, dtype=np.uint8)
        pictures[:, 0, 0] = 0
        return pictures

    monkeypatch.setattr(Dataset, "with_alpha", a_corner)
    monkeypatch.setattr(Dataset, "has_alpha", lambda *_: False)
    assert torch.equal(first_cells(model, balls, 0), model.start_occupancy)
