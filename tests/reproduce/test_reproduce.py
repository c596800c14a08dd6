"""Every experiment at tiny sizes, resumable, reported whole; what it finds is nobody's test."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from balls import tiny_stage1, tiny_stage2

from triptych.errors import InputError
from triptych.progress import Progress
from triptych.representation.config import SamplingConfig
from triptych.reproduce import ReproduceConfig, run_reproduce
from triptych.reproduce.experiments import LAPTOP, PAPER, SCALES, Scale, Shared, experiments
from triptych.reproduce.published import TABLE_2
from triptych.training.config import AutoencoderConfig, Phase, Pretraining
from triptych.training.single.config import OwnPlanesConfig, SingleTriPlanes

NAMES = ["rgb", "rgb_macro", "ours", "ours_micro", "ours_macro", "no_prior", "one_base", "plain"]


def short(phase: Phase, epochs: float = 0.1) -> Phase:
    return replace(phase, epochs=epochs, batch=4)


def tiny_scale() -> Scale:
    stage1 = replace(tiny_stage1(), pretraining=Pretraining(epochs=0.0))
    stage1 = replace(stage1, warmup=short(stage1.warmup), joint=short(stage1.joint))
    stage2 = tiny_stage2()
    stage2 = replace(stage2, latent=short(stage2.latent), image=short(stage2.image))
    image = replace(stage1, autoencoder=AutoencoderConfig(kind="identity"))
    return Scale(
        train_scenes=2,
        exploit_scenes=2,
        stage1=stage1,
        stage2=stage2,
        image_stage1=image,
        image_stage2=stage2,
        rgb=SingleTriPlanes(planes=OwnPlanesConfig(8, 8), sampling=SamplingConfig(8, 0), steps=4, rays=64),
        prior=replace(
            stage1,
            pretraining=Pretraining(epochs=0.2, batch=4),
            warmup=short(stage1.warmup, 0.0),
            joint=short(stage1.joint, 0.0),
        ),
        latent_budgets=(0.5, 1.0),
        rgb_budgets=(0.5, 1.0),
        budget_scenes=1,
    )


def run(out: Path, **options: object) -> Path:
    config = ReproduceConfig(out=out, resolution=32, **options)  # pyright: ignore[reportArgumentType]
    return run_reproduce(config, seed=0, device=torch.device("cpu"), progress=Progress(quiet=True), scale=tiny_scale())


def test_every_experiment_is_measured_reported_and_kept(tmp_path: Path) -> None:
    page = run(tmp_path / "out")
    tables = json.loads((tmp_path / "out" / "tables.json").read_text())
    cars = tables["categories"]["cars"]
    assert list(cars["experiments"]) == NAMES
    for measured in cars["experiments"].values():
        assert 0 < measured["train"]["psnr"] < 60
        assert 0 < measured["exploit"]["psnr"] < 60
        assert measured["t_scene"] > 0
        assert measured["m_scene"] > 0
        assert measured["t_render"] > measured["t_decode"] >= 0
    assert cars["experiments"]["rgb"]["t_entry"] == 0
    assert cars["experiments"]["ours_macro"]["m_scene"] < cars["experiments"]["ours"]["m_scene"]
    assert [len(points) for points in cars["budgets"].values()] == [2, 2]
    folder = tmp_path / "out" / "cars"
    for name in ("figure3", "figure6", "figure7", "figure8"):
        assert (folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (folder / f"{name}.svg").read_text()
    assert (folder / "latents_plain.mp4").stat().st_size > 500
    table = (folder / "table2.md").read_text()
    assert "| Ours-No-Prior |" in table
    assert "28.48" in table
    assert page.read_text().count("data:video/mp4") == 2

    again = run(tmp_path / "out")  # from what is on the disk: the times too are the same
    assert again.read_text() == page.read_text()
    assert json.loads((tmp_path / "out" / "tables.json").read_text()) == tables


def test_some_experiments_make_a_part_of_the_report(tmp_path: Path) -> None:
    run(tmp_path / "out", only=("ours_macro",))
    assert "Ours-Macro" in (tmp_path / "out" / "report.html").read_text()
    with pytest.raises(InputError, match="expected experiments among"):
        run(tmp_path / "out", only=("theirs",))


def test_an_experiment_differs_from_ours_in_what_it_says() -> None:
    for scale in SCALES.values():
        methods = experiments(scale, None)
        assert list(methods) == NAMES
        assert set(TABLE_2) <= set(methods)
        ours, shared = methods["ours"], {key: method for key, method in methods.items() if isinstance(method, Shared)}
        assert isinstance(ours, Shared)
        features = ours.stage1.planes.features
        assert all(method.stage1.planes.features == features for method in shared.values())
        assert shared["ours_micro"].stage1.planes.coefficients == 0
        assert shared["ours_macro"].stage1.planes.micro_features == 0
        assert shared["one_base"].stage1.planes.base_planes == 1
        assert shared["no_prior"].stage1.autoencoder.pretrained is None
        assert shared["plain"].stage1.joint.rates.encoder == shared["plain"].stage1.joint.rates.decoder == 0
        assert shared["plain"].stage1.joint.epochs == ours.stage1.joint.epochs


def test_the_scales_have_the_sizes_they_promise() -> None:
    assert (PAPER.train_scenes, PAPER.exploit_scenes) == (500, 100)
    assert PAPER.stage1.planes.base_planes == 50
    assert LAPTOP.prior is not None
    assert LAPTOP.prior.joint.steps(1000) == LAPTOP.prior.warmup.steps(1000) == 0
