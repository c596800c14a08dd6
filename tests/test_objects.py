"""The shipped model of any object, on a kind of object that it has not seen."""

from pathlib import Path

from triptych.bank import Scene, compare_views
from triptych.data import DatasetConfig, open_dataset
from triptych.data.generators.cars import CarsConfig, make_cars
from triptych.metrics import mean
from triptych.model import CategoryModel, find_model
from triptych.training.fitting import fit_scenes
from triptych.training.presets import STAGE2


def test_it_fits_a_car_in_a_quarter_of_the_preset(tmp_path: Path) -> None:
    make_cars(tmp_path / "cars", CarsConfig(count=1, train=0, resolution=64, views=20, seed=5))
    car = open_dataset(DatasetConfig(tmp_path / "cars", test_views=4, cache=tmp_path / "cache"))
    model = CategoryModel.load(find_model(Path("objects")))
    scenes = fit_scenes(model, car, STAGE2["colors"].longer(1 / 4), seed=0)
    fitted = Scene(model, scenes.micro.values[0], scenes.coefficients.values[0], "car")
    views = list(car.views(0).test)
    start, found = (mean(compare_views(scene, car, 0, views).psnr()) for scene in (Scene.start_of(model), fitted))
    assert start < 20
    assert found > 25.5
