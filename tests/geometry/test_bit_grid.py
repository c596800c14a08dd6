import torch

from triptych.geometry import bit_grid

AABB = torch.tensor([[-1.0, -0.5, -0.25], [1.0, 0.5, 0.25]])


def some_cells() -> torch.Tensor:
    return torch.rand(2, 32, 32, 32, generator=torch.Generator().manual_seed(0)) > 0.6


def test_cells_survive_a_round_trip_through_bits() -> None:
    cells = some_cells()
    bits = bit_grid.pack(cells)
    assert bits.dtype == torch.int32
    assert bits.nbytes == 2 * 4096
    assert torch.equal(bit_grid.unpack(bits), cells)


def test_points_read_the_cell_they_lie_in() -> None:
    cells = some_cells()[0]
    index = torch.randint(0, 32, (500, 3), generator=torch.Generator().manual_seed(1))
    inside = torch.rand(500, 3, generator=torch.Generator().manual_seed(2)) * 0.98 + 0.01
    points = AABB[0] + (AABB[1] - AABB[0]) * (index + inside) / 32
    found = bit_grid.at_points(bit_grid.pack(cells), points, AABB)
    assert torch.equal(found, cells[index[:, 2], index[:, 1], index[:, 0]])


def test_points_outside_read_the_nearest_cell() -> None:
    cells = torch.zeros(32, 32, 32, dtype=torch.bool)
    cells[31, 0, 31] = True
    points = torch.tensor([[5.0, -5.0, 5.0], [5.0, -5.0, -5.0]])
    assert bit_grid.at_points(bit_grid.pack(cells), points, AABB).tolist() == [True, False]


def test_everywhere_is_every_cell() -> None:
    assert bit_grid.unpack(bit_grid.everywhere()).all()


def test_a_dilated_cell_is_a_block_of_27() -> None:
    cells = torch.zeros(1, 32, 32, 32, dtype=torch.bool)
    cells[0, 10, 11, 0] = True
    grown = bit_grid.unpack(bit_grid.dilate(bit_grid.pack(cells)))
    assert grown.sum() == 18  # one face of the block lies outside
    assert grown[0, 9:12, 10:13, 0:2].all()
