import json
from pathlib import Path

from triptych.experiments.config import DemoConfig
from triptych.experiments.demo import run_demo
from triptych.training.conditions import Conditions


def test_a_small_demo_from_scratch_leaves_its_page_and_numbers_and_can_be_rerun(tmp_path: Path) -> None:
    config = DemoConfig(out=tmp_path / "demo", from_scratch=True, scenes=2, new_scenes=1, views=12, resolution=32)

    def run() -> dict:
        page = run_demo(config, Conditions())
        html = page.read_text()
        assert html.count("data:image/png;base64,") == 5
        assert "data:video/mp4;base64," in html
        assert "http://" not in html
        return json.loads((tmp_path / "demo" / "metrics.json").read_text())

    first, again = run(), run()
    measured = ("psnr_new_scenes", "psnr_plain_latent", "psnr_autoencoder", "bytes_per_new_scene")
    assert all(first[key] == again[key] for key in measured)
    assert 5 < first["psnr_new_scenes"] < 60
    assert again["seconds_total"] >= first["seconds_total"] > 0
    assert first["scenes_stage1"] == 2
    assert first["scenes_stage2"] == 1


def test_the_shipped_model_fits_a_car_it_has_never_seen(tmp_path: Path) -> None:
    config = DemoConfig(out=tmp_path / "demo", new_scenes=1, views=16)
    page = run_demo(config, Conditions())
    html = page.read_text()
    assert html.count("data:image/png;base64,") == 4
    assert "predicted from 3 pictures" in html
    metrics = json.loads((tmp_path / "demo" / "metrics.json").read_text())
    few, more = (metrics["predicted"][views]["psnr"] for views in ("3", "8"))
    assert 21 < few < more < metrics["psnr_new_scenes"]
    assert metrics["scenes_stage1"] == 200
    assert metrics["psnr_new_scenes"] > 25
    assert "psnr_plain_latent" not in metrics
