"""Scenes fitted to pictures of another size and shape than those that their model was trained on."""

from pathlib import Path

import pytest
import torch
from balls import AABB, draw_ball, tiny_stage2

from triptych.autoencoder.identity import IdentityAutoencoder
from triptych.bank import Scene, SceneBank, Scenes, StoredScene, compare_views
from triptych.data import Dataset, DatasetConfig, open_dataset
from triptych.data.formats.writer import write_dataset_file, write_scene
from triptych.errors import InputError
from triptych.evaluation.evaluate import evaluate
from triptych.geometry import Cameras, hemisphere_cameras
from triptych.metrics import mean
from triptych.model import CategoryModel
from triptych.training.conditions import Conditions
from triptych.training.fitting import Fitting
from triptych.training.matching import camera_range, compare_with_model
from triptych.training.phase import LossWeights, Phase, Rates
from triptych.training.picture_sizes import require_picture_size, size_note
from triptych.training.stage2 import fit
from triptych.training.step import take_step

HEIGHT, WIDTH, DOWNSCALE = 48, 64, 4
MOVING = Rates(micro=2e-2, coefficients=2e-2)


def wide_balls(root: Path, height: int = HEIGHT, width: int = WIDTH, zoom: float = 2.0) -> Dataset:
    """One ball in pictures of another size, in which it is ``zoom`` times as large as in those of the model."""
    square = hemisphere_cameras(8, 32, seed=7)
    intrinsics = square.intrinsics * torch.tensor([zoom, zoom, 0, 0])
    intrinsics[:, 2:] = torch.tensor([width / 2, height / 2])
    cameras = Cameras(square.c2w, intrinsics, height, width)
    write_scene(root, "ball", cameras, draw_ball(7, cameras))
    write_dataset_file(root, AABB, {"test": ["ball"]}, {})
    return open_dataset(DatasetConfig(root, test_views=2, cache=root.parent / "cache"))


@pytest.fixture
def model(trained_balls: Path) -> CategoryModel:
    return CategoryModel.load(trained_balls / "model")


@pytest.mark.parametrize("whole_share", [0.0, 1.0])
def test_a_scene_is_fitted_to_them_and_shown_in_their_size(
    whole_share: float, model: CategoryModel, tmp_path: Path
) -> None:
    dataset = wide_balls(tmp_path / "wide")
    latent = Phase(2.0, 6, MOVING, LossWeights(enc=1.0), pixels=256)
    image = Phase(10.0, 2, MOVING, LossWeights(dec=1.0), whole_share=whole_share)
    bank = fit(model, dataset, tmp_path / "bank", tiny_stage2(latent=latent, image=image), Conditions(), force=True)
    scenes = Scenes(bank, model)
    scene, views = scenes["ball"], list(dataset.views(0).test)
    before = compare_views(Scene.start_of(model), dataset, 0, views).psnr()
    assert mean(compare_views(scene, dataset, 0, views).psnr()) > mean(before) + 0.5
    assert scene.picture_size == (HEIGHT, WIDTH)
    assert scene.picture().size == (WIDTH, HEIGHT)
    evaluation = evaluate(scenes, dataset, with_lpips=False)
    assert evaluation.mean("psnr") == pytest.approx(scene.record["test_psnr"], abs=0.01)
    assert not any("another size" in note for note in evaluation.notes)


def test_another_shape_alone_is_no_other_focal_length(model: CategoryModel, tmp_path: Path) -> None:
    """Where the shorter side sees as much as the model's."""

    def notes(zoom: float) -> list[str]:
        dataset = wide_balls(tmp_path / str(zoom), height=32, width=96, zoom=zoom)
        return [note for note in compare_with_model(model, dataset, [0], force=True) if "focal lengths" in note]

    assert notes(1.0) == []
    assert len(notes(2.0)) == 1


def test_random_pixels_are_those_of_their_latents(model: CategoryModel, tmp_path: Path) -> None:
    dataset = wide_balls(tmp_path / "wide")
    latent = Phase(60.0, 8, MOVING, LossWeights(enc=1.0), pixels=128)
    fitting = Fitting(model, dataset, seed=0)
    work = fitting.begin(latent, tiny_stage2().skipping)
    cameras = work.latent_views.cameras
    assert (cameras.height, cameras.width) == (HEIGHT // DOWNSCALE, WIDTH // DOWNSCALE)
    losses = [float(take_step(work, step, fitting.everyone).enc.detach()) for step in range(40)]
    assert mean(losses[-5:]) < 0.8 * mean(losses[:5])


@pytest.mark.parametrize("whole_share", [0.0, 1.0])
def test_the_losses_are_means_over_their_pixels(whole_share: float, model: CategoryModel, tmp_path: Path) -> None:
    dataset = wide_balls(tmp_path / "wide")
    fitting = Fitting(model, dataset, seed=0)
    phase = Phase(
        1.0,
        fitting.everyone.views_per_epoch,
        Rates(),
        LossWeights(enc=1.0, dec=1.0),
        whole_share=whole_share,
        samples=64,
    )
    losses = take_step(fitting.begin(phase, tiny_stage2().skipping), 0, fitting.everyone)
    compared = compare_views(Scene.start_of(model), dataset, 0, list(dataset.views(0).train))
    latents = model.encode(compared.target)
    assert latents.shape[2:] == (HEIGHT // DOWNSCALE, WIDTH // DOWNSCALE)
    enc = (compared.rendered.latents - latents).square().mean()
    dec = (compared.rendered.images - compared.target).square().mean()
    torch.testing.assert_close(torch.stack([losses.enc, losses.dec]), torch.stack([enc, dec]), rtol=0.1, atol=1e-3)


def test_what_the_size_means_is_said_before_the_work(model: CategoryModel, tmp_path: Path) -> None:
    (note,) = notes_on(model, wide_balls(tmp_path / "close", zoom=2.0))
    assert "pictures of 64x48 pixels, the model was trained on 32x32" in note
    assert "2 times as large in them" in note
    (note,) = notes_on(model, wide_balls(tmp_path / "alike", zoom=1.0))
    assert "about as large in them, in pixels" in note
    (note,) = notes_on(model, wide_balls(tmp_path / "large", height=256, width=256, zoom=8.0))
    assert "8 times as large" in note
    assert note.endswith("--resolution 32 is faster")
    (note,) = notes_on(model, wide_balls(tmp_path / "hardly", height=64, width=64, zoom=1.35))
    assert note.endswith("its autoencoder has seen none such"), "half as large would be further from what it knows"
    model.autoencoder, wide = IdentityAutoencoder(), wide_balls(tmp_path / "colors", zoom=2.0)
    note = size_note(model, wide, camera_range(wide, [0], model.aabb))
    assert note is not None
    assert note.endswith("it renders colors, at any size")


def notes_on(model: CategoryModel, dataset: Dataset) -> list[str]:
    return [note for note in compare_with_model(model, dataset, [0], force=True) if "pictures of" in note]


def test_sizes_that_the_autoencoder_does_not_divide_are_refused(model: CategoryModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"64x38 pixels: .* multiples of 4; crop them .* to 64x40"):
        require_picture_size(wide_balls(tmp_path / "odd", height=38), model)
    with pytest.raises(InputError, match=r"62x62 pixels: .* multiples of 4; crop them .* to 64x64"):
        require_picture_size(wide_balls(tmp_path / "square", height=62, width=62), model)


def test_autoencoders_that_are_not_known_to_do_alike_refuse_them(model: CategoryModel, tmp_path: Path) -> None:
    class Whole(IdentityAutoencoder):
        @property
        def takes_any_size(self) -> bool:
            return False

    model.autoencoder = Whole()
    with pytest.raises(InputError, match=r"64x48 pixels, but the model was trained on 32x32, and its autoencoder"):
        require_picture_size(wide_balls(tmp_path / "wide"), model)


def test_a_measurement_at_another_size_says_so(model: CategoryModel, tmp_path: Path) -> None:
    dataset = wide_balls(tmp_path / "wide")
    start = StoredScene(model.start_micro, model.start_coefficients, dataset.fingerprints[0], {})
    bank = SceneBank.create(tmp_path / "bank", model)
    bank.add("ball", start)
    notes = evaluate(Scenes(bank, model), dataset, with_lpips=False).notes
    assert any("1 scene(s) measured on pictures of another size than fitted: ball" in note for note in notes)


def test_a_record_that_holds_no_size_is_refused(model: CategoryModel) -> None:
    start = Scene.start_of(model)
    for wrong in ("64", [64], [0, 64], [64.0, 64.0], [True, 64], [64, 10**9]):
        with pytest.raises(InputError, match=r"scene 'x': picture_size is .*, expected \[height, width\]"):
            _ = Scene(model, start.micro, start.coefficients, "x", {"picture_size": wrong}).picture_size
