import torch

from triptych.geometry import Rays, SceneRays, hemisphere_cameras, intersect_aabb

BOX = torch.tensor([[-1.0, -0.5, -0.25], [1.0, 0.5, 0.25]])


def test_a_ray_along_an_axis_meets_the_faces_at_their_distance() -> None:
    near, far = intersect_aabb(Rays(torch.tensor([[-3.0, 0, 0]]), torch.tensor([[1.0, 0, 0]])), BOX)
    assert (float(near), float(far)) == (2.0, 4.0)


def test_a_ray_that_starts_inside_enters_at_zero() -> None:
    near, far = intersect_aabb(Rays(torch.zeros(1, 3), torch.tensor([[0.0, 0, -1]])), BOX)
    assert (float(near), float(far)) == (0.0, 0.25)


def test_rays_that_miss_or_look_away_get_an_empty_interval() -> None:
    origins = torch.tensor([[-3.0, 2, 0], [-3.0, 0, 0]])
    directions = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0]])
    near, far = intersect_aabb(Rays(origins, directions), BOX)
    assert near.tolist() == far.tolist() == [0.0, 0.0]


def test_agrees_with_marching_along_random_rays() -> None:
    generator = torch.Generator().manual_seed(0)
    origins = 2 * torch.randn(200, 3, generator=generator, dtype=torch.float64)
    targets = torch.randn(200, 3, generator=generator, dtype=torch.float64)
    directions = torch.nn.functional.normalize(targets - origins, dim=-1)
    near, far = intersect_aabb(Rays(origins, directions), BOX.double())
    t = torch.linspace(0, 8, 20_001, dtype=torch.float64)
    points = origins[:, None] + t[None, :, None] * directions[:, None]
    inside = ((points >= BOX[0]) & (points <= BOX[1])).all(dim=-1)
    marched = inside.sum(dim=1) * (t[1] - t[0])
    assert torch.allclose(marched, far - near, atol=1e-3)
    assert (far > near).sum() > 20


def test_rays_of_views_go_to_the_scene_of_their_view() -> None:
    rays = hemisphere_cameras(4, 2, seed=0).rays()
    grouped = SceneRays.of_views(rays, [1, 0, 3])
    parts = grouped.split(grouped.flat.directions)
    assert [len(part) for part in parts] == list(grouped.per_scene) == [4, 0, 12]
    assert torch.equal(parts[0], rays.directions[0])
    assert torch.equal(parts[2], rays.directions[1:].flatten(0, 1))
    assert SceneRays.of_one(rays).per_scene == [16]
