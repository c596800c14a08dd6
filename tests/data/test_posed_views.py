import torch

from triptych.data import Dataset
from triptych.data.posed_views import PosedViews, shift_images
from triptych.geometry import Cameras


def test_a_shifted_picture_is_what_the_shifted_camera_sees(balls: Dataset) -> None:
    """Each ray of a shifted camera is that of the pixel whose color the shifted picture shows there."""
    views = PosedViews(balls)
    batch, offsets = views.group([0, 7]), torch.tensor([[3, 0], [1, 2]])
    cameras, images = views.cameras(batch, torch.device("cpu")), views.images(batch, torch.device("cpu"))
    shifted, seen = cameras.shifted(offsets), shift_images(images, offsets)
    for view, (x, y) in enumerate(offsets.tolist()):
        old, new = (c.rays().directions[view].reshape(c.height, c.width, 3) for c in (cameras, shifted))
        torch.testing.assert_close(new[: 32 - y, : 32 - x], old[y:, x:])
        assert torch.equal(seen[view, :, : 32 - y, : 32 - x], images[view, :, y:, x:])
        last_row = images[view, :, -1, [*range(x, 32), *[31] * x]]
        assert torch.equal(seen[view, :, 32 - y :], last_row[:, None].expand(3, y, 32))


def test_offsets_cover_a_latent_pixel_and_are_those_of_the_scene(balls: Dataset) -> None:
    views = PosedViews(balls)
    device = torch.device("cpu")

    def centers(rows: list[int], seeds: list[int]) -> Cameras:
        batch = views.group(rows)
        return views.shifted(batch, 4, [torch.Generator().manual_seed(seed) for seed in seeds], device)[0]

    alone = centers([0, 1, 2, 3], [5]).intrinsics
    beside = centers([0, 1, 2, 3, 4, 5], [5, 6]).intrinsics[:4]
    assert torch.equal(alone, beside)
    many = torch.cat([16 - centers([0, 1, 2, 3], [seed]).intrinsics[:, 2:] for seed in range(40)])
    assert many.unique().tolist() == [0, 1, 2, 3]
