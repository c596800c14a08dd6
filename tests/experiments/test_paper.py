"""The published recipe on tiny data: everything as it is but for the prior's weights and the number of steps."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.data import Dataset
from triptych.experiments.harness import fit_and_measure, learn_and_measure
from triptych.experiments.methods import SharedMethod
from triptych.experiments.scene_sets import split
from triptych.experiments.slides.methods import slide_methods
from triptych.experiments.slides.scales import PAPER
from triptych.files import read_log
from triptych.model import CategoryModel
from triptych.training.conditions import Conditions
from triptych.training.phase import Phase

diffusers = pytest.importorskip("diffusers", reason="the optional extra 'diffusers' is not installed")


def two_steps(phase: Phase, views: int) -> Phase:
    shortened = replace(phase, epochs=2 * phase.batch / views)
    assert shortened.steps(views) == 2
    return shortened


@pytest.fixture(scope="module")
def random_vae(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An autoencoder of Stable Diffusion's class and down-scaling, with few features and random weights."""
    folder = tmp_path_factory.mktemp("vae")
    torch.manual_seed(0)
    network = diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8,) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=32,
    )
    network.save_pretrained(folder)
    return folder


@pytest.fixture(params=["random Stable-Diffusion", "real TAESD"])
def prior(request: pytest.FixtureRequest, random_vae: Path) -> Path:
    """Random weights of the published prior's class, or the weights of the small one that imitates it."""
    if request.param == "real TAESD":
        return request.getfixturevalue("shared_data") / "taesd" / "taesd"
    return random_vae


def test_two_steps_of_each_phase_of_both_stages_are_measured(balls: Dataset, prior: Path, tmp_path: Path) -> None:
    scenes, ours = split(balls, most_new=2, most_trained=2), slide_methods(PAPER, prior=None)["ours"]
    assert isinstance(ours, SharedMethod)
    views = 4 * 2  # of both scenes, for training
    stage1, stage2 = ours.stage1, ours.stage2
    tiny = replace(
        ours,
        stage1=replace(
            stage1,
            autoencoder=replace(stage1.autoencoder, source=str(prior)),
            warmup=two_steps(stage1.warmup, views),
            joint=two_steps(stage1.joint, views),
        ),
        stage2=replace(stage2, latent=two_steps(stage2.latent, views), image=two_steps(stage2.image, views)),
    )
    trained = learn_and_measure(tiny, scenes.trained, tmp_path, Conditions())
    new = fit_and_measure(tiny, scenes.new, tmp_path / "exploit", Conditions())
    assert {line["phase"] for line in read_log(tmp_path / "stage1")} >= {"warmup", "joint"}
    assert min(trained.psnr, new.psnr) > 0

    model = CategoryModel.load(tmp_path / "stage1" / "model")
    assert (model.autoencoder.kind, model.latent_size) == ("diffusers", (4, 4))
    assert model.base.shape == (50, 3, 64, 64, 22)
    (fitted,) = tiny.fitted(scenes.new.names, tmp_path / "exploit")
    assert fitted.model.identity() != model.identity()  # base planes, MLP and decoder were trained along
    assert fitted["ball_3"].micro.shape == (3, 64, 64, 10)
    assert all(torch.isfinite(value).all() for value in fitted.model.state_dict().values())
