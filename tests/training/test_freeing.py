"""Features that are shared while stage 1 trains and the scenes' own afterward."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from balls import short_stage1
from untrained import untrained_model

from triptych import open_scenes
from triptych.data import Dataset
from triptych.errors import InputError
from triptych.geometry import Orbit
from triptych.model import CategoryModel
from triptych.representation.config import PlaneConfig
from triptych.training.conditions import Conditions
from triptych.training.freeing import freed, own_features
from triptych.training.stage1 import MODEL, TRAINED_SCENES, train

FREER = PlaneConfig(resolution=8, micro_features=7, macro_features=1, base_planes=3)


@pytest.fixture(scope="module")
def model() -> CategoryModel:
    model, generator = untrained_model(), torch.Generator().manual_seed(1)
    model.start_micro.copy_(torch.randn(model.start_micro.shape, generator=generator))
    model.start_coefficients.copy_(torch.randn(3, generator=generator))
    return model


def test_a_scene_of_a_freed_model_has_the_same_planes(model: CategoryModel) -> None:
    freer, generator = freed(model, FREER), torch.Generator().manual_seed(2)
    micro, coefficients = torch.randn(model.config.planes.micro_shape, generator=generator), torch.randn(3)
    own = own_features(model, micro, coefficients, FREER)
    before = model.field(micro[None], coefficients[None]).planes
    after = freer.field(own[None], coefficients[None]).planes
    torch.testing.assert_close(after, before)
    start = freer.field(freer.start_micro[None], freer.start_coefficients[None]).planes
    torch.testing.assert_close(start, model.field(model.start_micro[None], model.start_coefficients[None]).planes)
    assert freer.config.planes == FREER
    assert freer.identity() != model.identity()


@pytest.mark.parametrize(
    ("planes", "freed_features", "message"),
    [
        (PlaneConfig(8, 4, 4, 3), 4, "is 4, expected fewer than the 4 macro_features"),
        (PlaneConfig(8, 4, 4, 3, combine="sum"), 2, "planes that are added have none"),
    ],
)
def test_more_than_can_be_freed_is_refused(planes: PlaneConfig, freed_features: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        replace(short_stage1(), planes=planes, freed_features=freed_features)


def test_nothing_to_free_leaves_the_model(model: CategoryModel) -> None:
    assert freed(model, model.config.planes) is model


def test_scenes_of_stage_1_are_rendered_as_without_freeing(balls: Dataset, tmp_path: Path) -> None:
    scenes, pictures = balls.select("train", "all"), []
    for freed_features in (0, 3):
        config = replace(short_stage1(), freed_features=freed_features)
        out = tmp_path / str(freed_features)
        model = train(scenes, out, config, Conditions())
        assert CategoryModel.load(out / MODEL).config.planes == config.left_planes == model.config.planes
        bank = open_scenes(out / TRAINED_SCENES, out / MODEL)
        scene = bank[scenes.names[0]]
        assert scene.micro.shape[-1] == 4 + freed_features
        pictures.append(scene.render(scene.along(Orbit(2))).images)
    torch.testing.assert_close(pictures[0], pictures[1], rtol=0, atol=2e-3)
