"""What objects stand before: laid behind alpha, or found around objects in pictures without it."""

from pathlib import Path

import numpy as np
import pytest
from posed_scenes import FOCAL, open_at, picture_with_dot, save, write_srn, write_transforms

from triptych.data import (
    DatasetConfig,
    cameras_from_arrays,
    dataset_from_arrays,
    inspect_dataset,
)
from triptych.data.backgrounds import color_text, parse_color
from triptych.data.opening import open_data
from triptych.data.posed_views import PosedViews
from triptych.errors import InputError
from triptych.progress import Progress


def half_transparent() -> np.ndarray:
    """Red of alpha 1 in one pixel, of alpha 0.4 beside it, nothing elsewhere."""
    picture = picture_with_dot(channels=4)
    picture[..., 3] = 0
    picture[8, 20:22] = [(255, 0, 0, 255), (255, 0, 0, 102)]
    return picture


@pytest.mark.parametrize(
    ("background", "empty", "thin"),
    [
        ("white", [255, 255, 255], [255, 153, 153]),
        ("black", [0, 0, 0], [102, 0, 0]),
        ("#0a141e", [10, 20, 30], [108, 12, 18]),
    ],
)
def test_alpha_is_laid_over_any_color(tmp_path: Path, background: str, empty: list[int], thin: list[int]) -> None:
    write_transforms(tmp_path / "data", {"fl_x": FOCAL}, picture=half_transparent())
    dataset = open_at(tmp_path / "data", background=background)
    assert dataset.images(0, [0])[0, [0, 8, 8], [0, 20, 21]].tolist() == [empty, [255, 0, 0], thin]
    assert (list(dataset.background), dataset.opaque) == (empty, ())
    assert open_at(tmp_path / "data").images(0, [0])[0, 0, 0].tolist() == [255, 255, 255], "a cache of its own"


def test_alpha_is_kept_beside_the_colors_and_averaged_with_them(tmp_path: Path) -> None:
    write_transforms(tmp_path / "data", {"fl_x": FOCAL}, picture=half_transparent())
    alpha = open_at(tmp_path / "data").alpha(0, [1, 0])
    assert alpha is not None
    assert (alpha.shape, alpha.dtype) == ((2, 32, 32), np.uint8)
    assert alpha[1, 8, 19:23].tolist() == [0, 255, 102, 0]
    halved = open_at(tmp_path / "data", resolution=16).alpha(0, [0])
    assert halved is not None
    assert halved[0, 4, 9:12].tolist() == [0, 89, 0], "(255 + 102) / 4"


def test_alpha_is_known_of_scenes_that_have_it_alone(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "a", picture=colored(0))
    assert open_at(tmp_path / "data").alpha(0, [0]) is None
    write_srn(tmp_path / "data" / "b", picture=half_transparent())
    dataset = open_at(tmp_path / "data")
    alpha = dataset.alpha(1, [0])
    assert dataset.alpha(0, [0]) is None
    assert alpha is not None
    assert alpha[0, 8, 21] == 102
    assert dataset.images(0, [0])[0].tolist() == colored(0).tolist()
    views = PosedViews(dataset)
    opacities = views.opacities(views.group(range(len(views))))
    assert (opacities[0] == -1).all()
    assert opacities[-1, 8, 19:23].tolist() == pytest.approx([0, 1, 0.4, 0])


def test_arrays_are_laid_over_a_color_too(tmp_path: Path) -> None:
    c2w = np.array([[[0, 0, -1, 2], [1, 0, 0, 0], [0, -1, 0, 0]]] * 3)
    cameras = cameras_from_arrays(c2w, [32, 32, 16, 16], 32, 32)
    with_alpha = {"a": (np.stack([half_transparent()] * 3), cameras)}
    dataset = dataset_from_arrays(with_alpha, 0.5, background="black")
    alpha = dataset.alpha(0, [0])
    assert dataset.images(0, [0])[0, 8, 21].tolist() == [102, 0, 0]
    assert alpha is not None
    assert alpha[0, 8, 21] == 102
    without = {"a": (np.full((3, 32, 32, 3), 7, np.uint8), cameras)}
    assert dataset_from_arrays(without, 0.5).background == (0, 0, 0), "as dark as compression leaves black"
    both = dataset_from_arrays({"b": without["a"], **with_alpha}, 0.5)
    assert (both.opaque, both.alpha(1, [0])) == ((1,), None)
    assert (both.images(1, [0]) == 7).all()


@pytest.mark.parametrize("text", ["", "blak", "#12", "#00000080", "transparent", "rgb(0,0"])
def test_what_is_no_color_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="background: expected a color such as white, black or #8090a0, found"):
        open_at(write_srn(tmp_path / "data"), background=text)


def test_colors_are_told_as_they_are_given() -> None:
    for text in ("white", "black", "#8090a0"):
        assert color_text(parse_color(text, "background")) == text
    assert color_text(parse_color("#FFF", "background")) == "white"


def colored(color: int) -> np.ndarray:
    """An even picture with an object in the middle, and a little noise as compression makes it."""
    noise = np.random.default_rng(0).integers(-4, 5, (32, 32, 3))
    picture = (color + noise).clip(0, 255).astype(np.uint8)
    picture[8:24, 8:24] = (200, 30, 90)
    return picture


def test_pictures_without_alpha_over_another_color_are_noted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        write_srn(tmp_path / "data" / name, picture=colored(0))
    dataset = open_at(tmp_path / "data")
    assert (dataset.background, dataset.opaque) == ((0, 0, 0), (0, 1))
    (note,) = inspect_dataset(DatasetConfig(tmp_path / "data", test_views=1), tmp_path / "out").notes
    assert note.startswith("2 of 2 scenes have pictures without alpha, before black; a model that is trained on them")
    with Progress() as progress:
        open_data(DatasetConfig(tmp_path / "data", test_views=1, cache=tmp_path / "cache"), progress)
    assert note.split(";")[0] in " ".join("".join(capsys.readouterr()).split())


def test_alpha_beside_another_color_is_noted_with_the_option_that_helps(tmp_path: Path) -> None:
    write_srn(tmp_path / "data" / "a", picture=np.full((32, 32, 3), 120, np.uint8))
    write_srn(tmp_path / "data" / "b", picture=half_transparent())
    note, _ = inspect_dataset(DatasetConfig(tmp_path / "data", test_views=1), tmp_path / "out").notes
    assert note == (
        "1 of 2 scenes have pictures without alpha, before #787878; those with alpha are laid over white; give "
        "--background '#787878' to have one for all"
    )
    config = DatasetConfig(tmp_path / "data", test_views=1, background="#787878")
    (blank,) = inspect_dataset(config, tmp_path / "out").notes
    assert "scene a: blank" in blank


def test_photographs_and_white_pictures_are_not_noted(tmp_path: Path) -> None:
    photograph = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for name, picture in (("photographs", photograph), ("white", colored(252))):
        write_srn(tmp_path / name / "a", picture=picture)
        assert inspect_dataset(DatasetConfig(tmp_path / name, test_views=1), tmp_path / "out").notes == ()
        assert open_at(tmp_path / name).background == (255, 255, 255)


def test_masks_count_as_alpha(tmp_path: Path) -> None:
    write_srn(tmp_path / "data", picture=colored(0))
    for view in range(3):
        save(tmp_path / "data" / "masks" / f"{view:06d}.png", np.zeros((32, 32), np.uint8))
    dataset = open_at(tmp_path / "data")
    assert (dataset.opaque, dataset.background) == ((), (255, 255, 255))
    assert dataset.images(0, [0]).min() == 255
