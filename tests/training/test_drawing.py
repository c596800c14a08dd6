"""The pixels of a step, against the same drawn one by one in Python."""

import math

import pytest
import torch
from torch import Tensor

from triptych.training.drawing import Views, draw_places
from triptych.training.edges import Edges
from triptych.training.phase import PixelCounts

ONE = 2**32
PLASTIC = 1.324717957244746
WIDTH, HEIGHT = 40, 24
NUMBERS = torch.tensor([0, 1, 2, 0, 1])
"""Three views of one scene, two of another."""
BOXES = torch.tensor([[3, 4, 10, 8], [0, 0, WIDTH, HEIGHT], [30, 20, 10, 4], [5, 5, 1, 1], [7, 0, 20, 24]])


def point(number: int, sequence: int) -> tuple[float, float]:
    """In [0, 1]^2: Roberts' sequence in steps of 2^-32; sequences begin apart by that of the cube."""
    found = []
    for step, between in ((1 / PLASTIC, 0.8191725133961645), (1 / PLASTIC**2, 0.6710436067037893)):
        place = number * round(ONE * step) + sequence * round(ONE * between) + ONE // 2
        found.append(float(torch.tensor(place % ONE).float()) / ONE)
    return found[0], found[1]


def one_by_one(rows: list[Tensor], counts: PixelCounts, passes: int) -> list[tuple[int, int, int]]:
    """View, column and row of every pixel in boxes or from everywhere."""
    drawn = []
    for of_scene in rows:
        for number in range(counts.all):
            boxed = number < counts.in_boxes
            turn, count = (
                (number, counts.in_boxes) if boxed else (number - counts.in_boxes, counts.all - counts.in_boxes)
            )
            view = int(of_scene[turn % len(of_scene)])
            before = passes * math.ceil(count / len(of_scene)) + turn // len(of_scene)
            x, y = point(before, int(NUMBERS[view]))
            left, top, width, height = map(int, BOXES[view]) if boxed else (0, 0, WIDTH, HEIGHT)
            x, y = (x, y) if boxed else (1 - x, 1 - y)
            drawn.append((view, left + min(int(x * width), width - 1), top + min(int(y * height), height - 1)))
    return drawn


@pytest.mark.parametrize("passes", [0, 7])
@pytest.mark.parametrize("counts", [PixelCounts(50, 31), PixelCounts(9, 0), PixelCounts(9, 9), PixelCounts(1, 1)])
def test_pixels_lie_where_they_do_when_drawn_one_by_one(counts: PixelCounts, passes: int) -> None:
    views, rows = Views(WIDTH, HEIGHT, NUMBERS, BOXES, None), [torch.tensor([0, 1, 2]), torch.tensor([4, 3])]
    places = draw_places(views, rows, counts, passes)
    assert [tuple(place) for place in places.T.tolist()] == one_by_one(rows, counts, passes)


def test_pixels_along_edges_come_first_and_leave_the_others_as_they_are() -> None:
    pictures = torch.zeros(5, HEIGHT, WIDTH, 3, dtype=torch.uint8)
    pictures[:, 6, 9] = 255
    views, rows = Views(WIDTH, HEIGHT, NUMBERS, BOXES, Edges.of([pictures])), [torch.tensor([0, 1]), torch.tensor([3])]
    places = draw_places(views, rows, PixelCounts(20, 12, along_edges=8), passes=2)
    without = draw_places(views, rows, PixelCounts(20, 12), passes=2)
    assert torch.equal(places[0], without[0])
    of_edges, others = places[1:].view(2, 2, 20).split([8, 12], dim=2)
    assert ((of_edges - torch.tensor([9, 6])[:, None, None]).abs() <= 1).all()
    assert torch.equal(others, without[1:].view(2, 2, 20)[..., 8:])
