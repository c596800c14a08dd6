"""Where views change from pixel to pixel, and pixels that lie there."""

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from triptych.training.drawing import Views, draw_places
from triptych.training.edges import Edges, along_edges, edge_shares, edges_at_pixels
from triptych.training.phase import PixelCounts


def drawn_pixels(edges: Edges, size: tuple[int, int], count: int, view: int = 0) -> Tensor:
    """How often each pixel of a view is drawn."""
    height, width = size
    boxes = torch.tensor([[0, 0, width, height]]).expand(view + 1, 4).contiguous()
    views = Views(width, height, torch.zeros(view + 1, dtype=torch.long), boxes, edges)
    _, columns, rows = draw_places(views, [torch.tensor([view])], PixelCounts(count, count, count), passes=0)
    times = torch.zeros(size)
    times.index_put_((rows, columns), torch.ones(count), accumulate=True)
    return times


def by_hand(view: Tensor) -> Tensor:
    """Of each pixel, how far its four neighbors are."""
    padded = view.double().numpy()
    height, width, _ = padded.shape
    far = np.zeros((height, width))
    for y, x in np.ndindex(height, width):
        for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0)):
            if 0 <= y + dy < height and 0 <= x + dx < width:
                far[y, x] += np.abs(padded[y, x] - padded[y + dy, x + dx]).sum()
    return torch.from_numpy(far)


def test_pixels_lie_on_both_sides_of_an_outline() -> None:
    view = torch.full((40, 56, 4), 255, dtype=torch.uint8)
    view[:, 20:] = 0
    times = drawn_pixels(Edges.of([view[None]]), (40, 56), 4000)
    assert times[:, 19:21].sum() == 4000
    assert (times[:, 19:21].sum(dim=0) - 2000).abs().max() < 100
    assert (times[:, 19] - 50).abs().max() < 10


@pytest.mark.parametrize("size", [(24, 40), (64, 64)])
def test_a_pixel_is_drawn_as_often_as_the_root_of_its_contrast(size: tuple[int, int]) -> None:
    random = torch.Generator().manual_seed(0)
    view = (torch.randint(0, 256, (*size, 3), generator=random) * torch.linspace(0, 1, size[1])[:, None]).byte()
    expected = by_hand(view).sqrt()
    assert torch.allclose(edge_shares(view[None])[0].double(), expected)  # as many cells as pixels
    times = drawn_pixels(Edges.of([view[None]]), size, 1_000_000).double()
    a_byte = expected.max() / 255
    off = (times / times.sum() * expected.sum() - expected).abs()
    assert (off < a_byte + 0.15 * expected).all()


def test_cells_of_larger_views_count_the_root_of_the_mean_over_their_pixels() -> None:
    view = torch.rand(96, 200, 2, generator=torch.Generator().manual_seed(0))
    far, shares = by_hand(view), edge_shares(view[None])[0]
    assert shares.shape == (64, 64)
    rows, columns = torch.arange(96) * 64 // 96, torch.arange(200) * 64 // 200
    for row, column in ((0, 0), (31, 40), (63, 63)):
        mean = far[rows == row][:, columns == column].mean()
        assert float(shares[row, column]) == pytest.approx(float(mean.sqrt()), rel=1e-5)
        at_pixels = edges_at_pixels(view[None])[0][rows == row][:, columns == column]
        assert (at_pixels == shares[row, column]).all()


def test_bytes_and_numbers_have_the_same_edges() -> None:
    view = torch.randint(0, 256, (2, 20, 30, 4), generator=torch.Generator().manual_seed(0)).byte()
    assert torch.equal(edge_shares(view), edge_shares(view.float()))


def test_views_without_edges_are_drawn_from_all_over_and_others_beside_them_are_not() -> None:
    views = torch.zeros(2, 16, 16, 3, dtype=torch.uint8)
    views[1, 8, 8] = 200
    edges = Edges.of([views[:1], views[1:]])
    plain, dotted = drawn_pixels(edges, (16, 16), 2560, view=0), drawn_pixels(edges, (16, 16), 2560, view=1)
    assert (plain - 10).abs().max() <= 5
    assert dotted[7:10, 7:10].sum() == 2560
    assert dotted[7, 7] == 0


def test_the_ends_of_the_square_are_drawn_where_there_are_edges() -> None:
    view = torch.zeros(8, 8, 1, dtype=torch.uint8)
    view[3, 3] = 255
    edges, ends = Edges.of([view[None]]), itertools.product(np.float32([0, 1]), repeat=2)
    places = np.array([along_edges(edges.cells[0].numpy(), edges.above[0].numpy(), *end) for end in ends])
    assert ((places * 8 >= 2) & (places * 8 <= 5)).all()
