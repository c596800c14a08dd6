"""Planes that were edited or made elsewhere come back as scenes: rendered, stored, and from the files of an export."""

from pathlib import Path

import numpy as np
import pytest
import torch
from untrained import untrained_model

import triptych
from triptych import InputError
from triptych.bank import merge
from triptych.export import read_planes, write_planes
from triptych.representation.config import PlaneConfig

SHAPE = (3, 8, 8, 4)


def generated(count: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Micro planes and coefficients as numpy has them, in double precision."""
    random = np.random.default_rng(0)
    return random.normal(size=(count, *SHAPE)), random.normal(size=(count, 3))


def test_planes_of_numpy_are_the_scenes_that_they_would_be() -> None:
    model = untrained_model()
    micro, coefficients = generated()
    scenes = triptych.scenes_from_planes(model, micro, coefficients, ["a", "b", "c"])
    assert list(scenes) == ["a", "b", "c"]
    whole = triptych.Scene(model, torch.from_numpy(micro[1]).float(), torch.from_numpy(coefficients[1]).float(), "b")
    assert torch.equal(triptych.render(scenes["b"], 2).images, triptych.render(whole, 2).images)
    first = triptych.scenes_from_planes(model, np.moveaxis(micro, -1, 2), coefficients, channels_first=True)
    assert list(first) == ["generated_0000", "generated_0001", "generated_0002"]
    assert torch.equal(first["generated_0001"].micro, whole.micro)
    mean = triptych.scenes_from_planes(model, torch.from_numpy(micro).half())
    assert torch.equal(mean["generated_0000"].coefficients, model.start_coefficients)


def test_full_planes_are_taken_apart_and_what_is_lost_is_told() -> None:
    model = untrained_model()
    micro, coefficients = (torch.from_numpy(part).float() for part in generated())
    planes = model.field(micro, coefficients).planes
    scenes = triptych.scenes_from_planes(model, planes, full=True)
    for number, scene in enumerate(scenes.values()):
        torch.testing.assert_close(scene.coefficients, coefficients[number], rtol=0, atol=1e-4)
        assert torch.equal(scene.micro, micro[number])
        assert scene.record["macro_residual"] < 1e-5
    lost = triptych.scenes_from_planes(model, planes + torch.cat([micro * 0, torch.randn_like(micro)], -1), full=True)
    assert all(0.05 < scene.record["macro_residual"] < 1 for scene in lost.values())


def test_full_planes_of_a_sum_are_what_is_rendered() -> None:
    model = untrained_model(planes=PlaneConfig(8, 4, 4, 3, combine="sum"))
    planes = model.field(*(torch.from_numpy(part).float() for part in generated())).planes
    for number, scene in enumerate(triptych.scenes_from_planes(model, planes, full=True).values()):
        torch.testing.assert_close(scene.field.planes[0], planes[number])


@pytest.mark.parametrize("suffix", [".safetensors", ".npz"])
@pytest.mark.parametrize("normalize", [True, False])
def test_an_export_comes_back(tmp_path: Path, suffix: str, normalize: bool) -> None:
    model = untrained_model()
    scenes = triptych.scenes_from_planes(model, *generated(), ["x", "y", "ä/ö"])
    write_planes(str(tmp_path / f"planes{suffix}"), scenes, normalize=normalize)
    again = read_planes(str(tmp_path / f"planes{suffix}"), model)
    assert list(again) == ["x", "y", "ä/ö"]
    for name, scene in again.items():
        torch.testing.assert_close(scene.micro, scenes[name].micro, rtol=0, atol=1e-5)
        torch.testing.assert_close(scene.coefficients, scenes[name].coefficients, rtol=0, atol=1e-4)
    with pytest.raises(InputError, match=r"its planes belong to model \w+, not to"):
        read_planes(tmp_path / f"planes{suffix}", untrained_model(1))


def test_files_that_are_no_planes_are_refused(tmp_path: Path) -> None:
    model = untrained_model()
    with pytest.raises(InputError, match="no such file"):
        read_planes(tmp_path / "planes.npz", model)
    (tmp_path / "planes.npz").write_bytes(b"PK\x03\x04 cut")
    with pytest.raises(InputError, match="it is damaged"):
        read_planes(tmp_path / "planes.npz", model)
    np.savez(tmp_path / "object.npz", planes=np.array([{}], dtype=object))
    with pytest.raises(InputError, match="it is damaged"):
        read_planes(tmp_path / "object.npz", model)
    np.savez(tmp_path / "old.npz", planes=np.zeros((1, 3, 8, 8, 8), np.float32), names=["a"], model="m")
    with pytest.raises(InputError, match="does not say whether its planes are normalized"):
        read_planes(tmp_path / "old.npz", model)
    with pytest.raises(InputError, match=r"ends in \.safetensors or \.npz"):
        read_planes(tmp_path / "planes.pt", model)


def test_planes_that_do_not_fit_are_refused() -> None:
    model = untrained_model()
    micro, coefficients = generated()
    for planes, message in (
        (micro[0], r"expected \[scene, 3, 8, 8, 4\], as the model's, found shape \[3, 8, 8, 4\]"),
        (np.moveaxis(micro, -1, 2), "right with channels_first=True, full=False"),
        (np.concatenate([micro, micro], axis=-1), "right with channels_first=False, full=True"),
        (np.where(micro == micro[1, 0, 0, 0, 0], np.nan, micro), "scene number 1 hold numbers that are not finite"),
        ([["a"]], "expected an array of numbers"),
    ):
        with pytest.raises(InputError, match=message):
            triptych.scenes_from_planes(model, planes, coefficients)
    with pytest.raises(InputError, match=r"coefficients: expected \[3, 3\], found shape \[2, 3\]"):
        triptych.scenes_from_planes(model, micro, coefficients[:2])
    with pytest.raises(InputError, match="a name for each of 3"):
        triptych.scenes_from_planes(model, micro, coefficients, ["a"])
    with pytest.raises(InputError, match="'a' stands there twice"):
        triptych.scenes_from_planes(model, micro, coefficients, ["a", "b", "a"])


def test_scenes_go_into_a_bank_and_come_back(tmp_path: Path) -> None:
    model = untrained_model()
    scenes = triptych.scenes_from_planes(model, *generated())
    saved = triptych.save_scenes(str(tmp_path / "bank"), scenes, "float32")
    assert list(saved) == list(scenes)
    assert torch.equal(saved["generated_0002"].micro, scenes["generated_0002"].micro)
    assert saved["generated_0000"].record == {"source": "planes"}
    blend = scenes["generated_0000"].blend(scenes["generated_0001"], 0.5)
    assert len(triptych.save_scenes(tmp_path / "bank", {"blend": blend})) == 4
    assert len({saved.bank.about(name).fingerprint for name in saved}) == 4
    with pytest.raises(InputError, match="scene 'generated_0000' is in the bank already"):
        triptych.save_scenes(tmp_path / "bank", {"new": blend, **scenes})
    assert "new" not in saved
    with pytest.raises(InputError, match="several models"):
        triptych.save_scenes(tmp_path / "other", scenes | {"other": triptych.Scene.start_of(untrained_model(1))})
    with pytest.raises(InputError, match="expected at least one"):
        triptych.save_scenes(tmp_path / "other", {})
    assert not (tmp_path / "other").exists()


def test_a_new_bank_is_compact_and_shows_what_was_made(trained_balls: Path, tmp_path: Path) -> None:
    scenes = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)
    blends = {"half": scenes["ball_0"].blend(scenes["ball_1"], 0.5)}
    saved = triptych.save_scenes(tmp_path / "bank", blends)
    assert saved.bank.precision == "compact"
    found, made = (triptych.render(each["half"], 2).images for each in (saved, blends))
    difference = (found - made).abs()
    assert difference.mean() < 0.002
    assert difference.max() < 0.05  # where a cell has become too thin to count


def test_scenes_rendered_together_are_those_rendered_alone(trained_balls: Path) -> None:
    scenes = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)
    together = triptych.render(scenes, 5)
    assert list(together) == list(scenes)
    for name, views in together.items():
        alone = triptych.render(scenes[name], 5)
        for part in ("images", "latents", "opacity", "depth"):
            torch.testing.assert_close(getattr(views, part), getattr(alone, part), rtol=1e-4, atol=1e-5)
    assert triptych.render(scenes, 17)["ball_0"].images.shape == (17, 3, 32, 32)
    small = triptych.orbit_cameras(2, 16)
    alone = triptych.render(scenes["ball_1"], small)
    torch.testing.assert_close(triptych.render(scenes, small)["ball_1"].images, alone.images, rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="expected at least one scene"):
        triptych.render({})


def test_views_are_shown_clamped_and_cameras_may_be_of_any_precision(trained_balls: Path) -> None:
    scene = triptych.open_scenes(trained_balls / "trained_scenes", trained_balls)["ball_1"]
    cameras = triptych.orbit_cameras(9, 32)
    views = scene.render(cameras)
    precise = triptych.Cameras(cameras.c2w.double(), cameras.intrinsics.double(), 32, 32)
    assert torch.equal(scene.render(precise).images, views.images)
    pixels = views.pixels()
    assert pixels.shape == (9, 32, 32, 3)
    assert np.array_equal(pixels[0], (views.images[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy())
    assert views.picture().size == (8 * 32, 2 * 32)
    assert views._repr_png_().startswith(b"\x89PNG")


def test_a_bank_shows_itself_where_its_model_is_at_hand_and_paths_are_text(tmp_path: Path) -> None:
    model = untrained_model()
    scenes = triptych.scenes_from_planes(model, *generated())
    model.save(str(tmp_path / "model"))
    assert triptych.CategoryModel.load(str(tmp_path / "model")).identity() == model.identity()
    triptych.SceneBank.create(str(tmp_path / "own"), model, own_model=True)
    shown = triptych.save_scenes(str(tmp_path / "own"), scenes).bank._repr_png_()
    assert shown is not None
    assert shown.startswith(b"\x89PNG")
    alone = triptych.save_scenes(tmp_path / "alone", scenes, "float32").bank
    assert alone._repr_png_() is None
    assert alone.load_model(str(tmp_path / "model")).identity() == model.identity()
    assert merge(str(tmp_path / "merged"), [str(tmp_path / "alone")]).copied == 3
