import math

import torch

from triptych.geometry import Cameras, hemisphere_cameras, look_at, orbit_cameras


def test_pixel_centers_lie_at_half_integers() -> None:
    camera = Cameras(torch.eye(4)[None, :3], torch.tensor([[2.0, 2.0, 1.0, 1.0]]), 2, 2)
    first = camera.rays().directions[0, 0]
    expected = torch.tensor([-0.25, -0.25, 1.0]) / math.sqrt(1.125)
    assert torch.allclose(first, expected)


def test_projection_inverts_rays() -> None:
    cameras = hemisphere_cameras(3, 8, seed=1)
    rays = cameras.rays()
    for view in range(3):
        seen = cameras.project(rays.origins[view] + 1.7 * rays.directions[view])
        pixels, depth = seen.points, seen.depth
        rows, columns = torch.meshgrid(torch.arange(8) + 0.5, torch.arange(8) + 0.5, indexing="ij")
        assert torch.allclose(pixels[view], torch.stack([columns, rows], dim=-1).reshape(-1, 2), atol=1e-3)
        assert (depth[view] > 0).all()


def test_resized_cameras_see_the_same_field_of_view() -> None:
    cameras = hemisphere_cameras(1, 8, seed=0)
    fine = cameras.rays().directions.reshape(1, 4, 2, 4, 2, 3).mean(dim=(2, 4)).reshape(1, 16, 3)
    coarse = cameras.resized(4, 4).rays().directions
    assert torch.allclose(torch.nn.functional.normalize(fine, dim=-1), coarse, atol=1e-2)


def test_cameras_on_the_hemisphere_look_at_the_origin_upright() -> None:
    cameras = hemisphere_cameras(40, 64, seed=3)
    seen = cameras.project(torch.tensor([[0.0, 0, 0], [0.0, 0, 0.1]]))
    pixels, depth = seen.points, seen.depth
    assert torch.allclose(pixels[:, 0], torch.full((40, 2), 32.0), atol=1e-3)
    assert torch.allclose(depth[:, 0], torch.full((40,), 1.3), atol=1e-5)
    assert (pixels[:, 1, 1] < 32).all()  # what is higher in the world is higher in the picture
    assert (cameras.c2w[:, 2, 3] >= 0).all()


def test_rotations_are_proper_even_straight_from_above() -> None:
    rotation = look_at(torch.tensor([[0.0, 0.0, 2.0], [1.0, 2.0, 0.5]]))[:, :, :3]
    assert torch.allclose(rotation @ rotation.transpose(1, 2), torch.eye(3).expand(2, 3, 3), atol=1e-6)
    assert torch.allclose(torch.linalg.det(rotation), torch.ones(2), atol=1e-6)


def test_an_orbit_is_evenly_spaced_and_closed() -> None:
    eyes = orbit_cameras(8, 32).c2w[:, :, 3]
    steps = (eyes - eyes.roll(1, dims=0)).norm(dim=-1)
    assert torch.allclose(steps, steps[0].expand(8), atol=1e-5)


def test_the_same_seed_gives_the_same_cameras_and_another_one_others() -> None:
    first, again, other = (hemisphere_cameras(5, 16, seed).c2w for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)
