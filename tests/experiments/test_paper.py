"""The published recipe on tiny data: everything as it is but for random weights and the number of steps."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from triptych.data import Dataset, select_scenes
from triptych.files import read_log
from triptych.model import CategoryModel
from triptych.progress import Progress
from triptych.reproduce.experiments import PAPER, Shared, experiments
from triptych.training.config import Phase, Stage1Config, Stage2Config
from triptych.training.stage1 import train
from triptych.training.stage2 import fit

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


def test_two_steps_of_each_phase_of_both_stages(balls: Dataset, random_vae: Path, tmp_path: Path) -> None:
    ours = experiments(PAPER, prior=None)["ours"]
    assert isinstance(ours, Shared)
    trained, new = select_scenes(balls, "train", "all"), select_scenes(balls, "test", "all")
    views = 4  # of each scene, for training
    stage1: Stage1Config = replace(
        ours.stage1,
        autoencoder=replace(ours.stage1.autoencoder, pretrained=str(random_vae)),
        warmup=two_steps(ours.stage1.warmup, views * len(trained)),
        joint=two_steps(ours.stage1.joint, views * len(trained)),
    )
    stage2: Stage2Config = replace(
        ours.stage2,
        latent=two_steps(ours.stage2.latent, views * len(new)),
        image=two_steps(ours.stage2.image, views * len(new)),
    )
    quiet, cpu = Progress(quiet=True), torch.device("cpu")
    train(trained, tmp_path / "stage1", stage1, seed=0, device=cpu, progress=quiet)
    assert {line["phase"] for line in read_log(tmp_path / "stage1")} >= {"warmup", "joint"}

    model = CategoryModel.load(tmp_path / "stage1" / "model")
    assert (model.autoencoder.kind, model.latent_size) == ("diffusers", (4, 4))
    assert model.base.shape == (50, 3, 64, 64, 22)
    trained_identity = model.identity()
    bank = fit(model, new, tmp_path / "bank", stage2, seed=0, device=cpu, progress=quiet, force=True)
    tuned = bank.load_model()
    assert tuned.identity() != trained_identity
    assert bank.scene("ball_3").micro.shape == (3, 64, 64, 10)
    assert all(torch.isfinite(value).all() for value in tuned.state_dict().values())
