import numpy as np
import pytest
import torch

from triptych.geometry import Window
from triptych.geometry.shown import any_along, shown_by
from triptych.geometry.silhouettes import object_windows
from triptych.geometry.windows import stacked

WHITE = torch.ones(3)


def white_but(rows: slice, columns: slice) -> torch.Tensor:
    picture = torch.ones(1, 3, 40, 48)
    picture[:, 1, rows, columns] = 0.99
    return picture


def test_a_window_holds_the_object_and_its_margin_in_whole_blocks() -> None:
    assert object_windows(white_but(slice(9, 15), slice(20, 21)), WHITE, 2, 1, 1) == [Window(3, 9, 6, 3)]


def test_windows_are_rounded_up_and_stay_within_the_picture() -> None:
    corner = white_but(slice(36, 40), slice(0, 3))
    assert object_windows(corner, WHITE, 2, 3, 4) == [Window(12, 0, 8, 8)]
    assert object_windows(white_but(slice(0, 40), slice(0, 48)), WHITE, 2, 3, 7) == [Window(0, 0, 20, 24)]


def test_a_white_picture_is_taken_whole() -> None:
    assert object_windows(torch.ones(1, 3, 40, 48), WHITE, 2, 3, 4) == [Window(0, 0, 20, 24)]


def test_what_is_shown_differs_from_the_background_of_whatever_color() -> None:
    gray = torch.full((3,), 100 / 255)
    picture = gray[None, :, None, None].repeat(1, 1, 40, 48)
    picture[:, :, 9:15, 20:21] = 101 / 255
    assert object_windows(picture, gray, 2, 1, 1) == [Window(3, 9, 6, 3)]


def test_pixels_at_the_edge_of_the_picture_are_inside_those_at_a_cut_are_not() -> None:
    assert Window(0, 2, 4, 4).inner(1, 4, 9).tolist() == [[False, True, True, False]] * 4
    assert Window(0, 0, 4, 9).inner(3, 4, 9).all()


def test_windows_of_one_size_are_stacked() -> None:
    pictures = torch.arange(2 * 3 * 5 * 6).reshape(2, 3, 5, 6)
    cut = stacked(pictures, [Window(0, 1, 2, 3), Window(3, 3, 2, 3)])
    assert torch.equal(cut, torch.stack([pictures[0, :, 0:2, 1:4], pictures[1, :, 3:5, 3:6]]))


@pytest.mark.parametrize("channels", [3, 4])
def test_bytes_beyond_those_of_the_background_show_something(channels: int) -> None:
    pictures = np.random.default_rng(0).choice(np.array([0, 1, 99, 100, 102, 103, 255], np.uint8), (2, 5, 7, channels))
    tell_nothing = [(100, 102), (255, 255), (0, 99), (0, 255)][:channels]
    expected = np.zeros((2, 5, 7), np.bool_)
    for channel, (low, high) in enumerate(tell_nothing):
        expected |= (pictures[..., channel] < low) | (pictures[..., channel] > high)
    assert 0 < expected.mean() < 1
    assert np.array_equal(shown_by(pictures, tell_nothing).numpy(), expected)
    assert np.array_equal(shown_by(pictures, tell_nothing[:3]).numpy(), expected)  # the fourth tells nothing either way


def test_any_along_an_axis() -> None:
    shown = torch.rand(3, 4, 5, generator=torch.Generator().manual_seed(0)) < 0.2
    for dim in range(3):
        assert torch.equal(any_along(shown, dim), shown.any(dim=dim))
