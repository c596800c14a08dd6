"""What is object in a photograph: masks of every source."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from photo_scenes import SIZE, before, draw_toy, gauge, toy_cameras, write_photos
from PIL import Image
from posed_scenes import save

from triptych.data.formats.link_policy import LinkPolicy
from triptych.data.photos.cutouts import background_file, find_cutouts
from triptych.data.photos.objects import find_objects
from triptych.errors import InputError


def _toy(views: int) -> tuple[Any, np.ndarray]:
    cameras = toy_cameras(views, seed=1)
    return cameras, draw_toy(cameras)


def _cut_out(root: Path, masks: Any = "auto") -> tuple[str, np.ndarray]:
    """Kind and alpha of the first picture."""
    found = next(iter(find_objects(root, LinkPolicy(root.resolve()), root / "out")))
    cutouts = find_cutouts(found.parse(), found.folder, masks, 24, root / "kept")
    return cutouts.kind, cutouts.read(0)[..., 3]


def test_masks_by_alpha_folder_and_path(tmp_path: Path) -> None:
    cameras, rgba = _toy(2)
    alpha = rgba[0, ..., 3]
    write_photos(tmp_path / "alpha" / "toy", cameras, rgba, gauge(1))
    for kind in ("folder", "path"):
        write_photos(tmp_path / kind / "toy", cameras, before(rgba, (10, 90, 30)), gauge(1))
        for view in range(2):
            place = "masks" if kind == "folder" else "elsewhere"
            save(tmp_path / kind / "toy" / place / f"{view:03d}.png", rgba[view, ..., 3])
    file = tmp_path / "path" / "toy" / "transforms.json"
    content = json.loads(file.read_text())
    for view, frame in enumerate(content["frames"]):
        frame["mask_path"] = f"elsewhere/{view:03d}.png"
    file.write_text(json.dumps(content))
    for kind in ("alpha", "folder", "path"):
        found, cut = _cut_out(tmp_path / kind)
        assert found == "given"
        assert np.array_equal(cut, alpha)


def test_masks_before_one_color_and_by_difference(tmp_path: Path) -> None:
    cameras, rgba = _toy(2)
    rgba[:, 44:52, 44:52, :3] = (250, 250, 250)  # a white spot on the toy is no hole
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    write_photos(tmp_path / "plain" / "toy", cameras, before(rgba, (252, 252, 252)), gauge(1))
    write_photos(tmp_path / "difference" / "toy", cameras, before(rgba, noise), gauge(1))
    save(tmp_path / "difference" / "toy" / "background.png", noise)
    for kind in ("plain", "difference"):
        found, cut = _cut_out(tmp_path / kind)
        assert found == kind
        assert ((cut > 0) != (rgba[0, ..., 3] > 0)).mean() < 0.02


def test_the_picture_without_the_object_has_an_ending_of_any_case(tmp_path: Path) -> None:
    for name in ("background.JPG", "background.Png"):
        (tmp_path / name).mkdir()
        save(tmp_path / name / name, np.zeros((4, 4, 3), np.uint8))
        assert background_file(tmp_path / name) == tmp_path / name / name
    assert background_file(tmp_path) is None


def test_masks_by_rembg_are_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cameras, rgba = _toy(2)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    write_photos(tmp_path / "toy", cameras, before(rgba, noise), gauge(1))
    asked = []

    def remove(picture: Image.Image, *, session: str, only_mask: bool) -> Image.Image:
        asked.append((session, only_mask, picture.size))
        return Image.fromarray(rgba[0, ..., 3])

    library = ModuleType("rembg")
    vars(library).update(remove=remove, new_session=lambda: "network")
    monkeypatch.setitem(sys.modules, "rembg", library)
    for _ in range(2):
        found, cut = _cut_out(tmp_path)
        assert found == "rembg"
        assert np.array_equal(cut, rgba[0, ..., 3])
    assert asked == [("network", True, (SIZE, SIZE))]


def test_without_masks_or_rembg_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cameras, rgba = _toy(2)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
    write_photos(tmp_path / "toy", cameras, before(rgba, noise), gauge(1))
    monkeypatch.setitem(sys.modules, "rembg", None)
    with pytest.raises(InputError, match=r"toy: nothing says where the object is .*triptych\[photos\]"):
        _cut_out(tmp_path)
    with pytest.raises(InputError, match=r'masks by rembg need it; pip install "triptych\[photos\]"'):
        _cut_out(tmp_path, "rembg")
