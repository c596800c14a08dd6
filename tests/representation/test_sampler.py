import torch

from triptych.geometry import hemisphere_cameras
from triptych.representation.sampler import PixelRays


def test_the_diagonals_have_all_rays_and_their_mean_is_that_of_all() -> None:
    cameras, side = hemisphere_cameras(2, 4, seed=0), 3
    diagonals = [PixelRays(side, diagonal) for diagonal in range(side)]
    every = PixelRays(side).through(cameras)
    assert every.directions.shape == (2, 12, 12, 3)
    parts = [rays.through(cameras) for rays in diagonals]
    assert all(part.directions.shape == (2, 12, 4, 3) for part in parts)
    together = torch.cat([part.directions.reshape(-1, 3) for part in parts])
    assert {tuple(ray) for ray in together.tolist()} == {tuple(ray) for ray in every.directions.reshape(-1, 3).tolist()}
    means = [rays.mean(part.directions.reshape(-1, 3), 4, 4) for rays, part in zip(diagonals, parts, strict=True)]
    whole = PixelRays(side).mean(every.directions.reshape(-1, 3), 4, 4)
    torch.testing.assert_close(torch.stack(means).mean(dim=0), whole)


def test_each_ray_of_a_diagonal_lies_in_its_pixel() -> None:
    cameras = hemisphere_cameras(1, 4, seed=0)
    for diagonal in (0, 1):
        directions = PixelRays(2, diagonal).through(cameras).directions.reshape(-1, 3)
        points = cameras.project(cameras.c2w[0, :, 3] + directions).points
        rows = torch.arange(4).repeat_interleave(2).repeat_interleave(4)
        expected = torch.stack([torch.arange(4).repeat(8), rows], dim=-1)
        assert torch.equal(points[0].floor().long(), expected)


def test_what_belongs_to_a_pixel_belongs_to_each_of_its_rays() -> None:
    pixels = torch.arange(6.0).reshape(2, 3)
    assert torch.equal(PixelRays(2).mean(PixelRays(2).repeat(pixels).flatten(), 2, 3), pixels.flatten())
    assert PixelRays(2, 1).repeat(pixels).tolist() == [[0, 1, 2], [0, 1, 2], [3, 4, 5], [3, 4, 5]]
