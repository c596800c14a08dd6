"""Which rays a scene by itself is fitted to."""

from dataclasses import replace

import pytest
import torch

from triptych.data import Dataset
from triptych.training.phase import PixelCounts
from triptych.training.single.targets import boxes_around, image_space, ray_targets


def test_the_box_around_what_a_picture_shows_has_a_margin_and_ends_with_the_picture() -> None:
    shown = torch.zeros(3, 8, 9, dtype=torch.bool)
    shown[0, 3, 4] = shown[0, 5, 2] = shown[1, 0, 8] = True
    found = boxes_around(shown, margin=2)
    expected = torch.zeros_like(shown)
    expected[0, 1:8, 0:7] = True
    expected[1, 0:3, 6:9] = True
    assert found.equal(expected)  # nothing around nothing


def test_the_box_without_a_margin_is_tight() -> None:
    shown = torch.zeros(1, 5, 5, dtype=torch.bool)
    shown[0, 1, 1] = shown[0, 3, 2] = True
    assert boxes_around(shown, margin=0)[0].nonzero().tolist() == [[y, x] for y in (1, 2, 3) for x in (1, 2)]


def test_opacities_of_rays_are_the_pictures_alpha(balls: Dataset) -> None:
    scene = balls.subset([0])
    targets = ray_targets(scene, image_space(scene))
    drawn = targets.draw(PixelCounts(500, 0), 0)
    assert drawn.opacities is not None
    assert drawn.opacities.unique().tolist() == [0, 1]
    assert drawn.channels[drawn.opacities == 0].eq(drawn.background[drawn.opacities == 0]).all()


@pytest.mark.parametrize("share", [0.0, 0.75, 1.0])
def test_so_many_rays_of_each_scene_come_from_the_objects_part_of_the_pictures(balls: Dataset, share: float) -> None:
    scenes = balls.subset([0, 1])
    targets = ray_targets(scenes, image_space(scenes))
    everywhere = [float(part.float().mean()) for part in targets.rays.split(targets.cropped)]
    assert 0.1 < everywhere[0] < 0.9
    drawn = targets.draw(PixelCounts(400, round(400 * share)), 3)
    assert drawn.rays.per_scene == [400, 400]
    for part, mean in zip(drawn.rays.split(drawn.cropped), everywhere, strict=True):
        assert float(part.float().mean()) == pytest.approx(share + (1 - share) * mean, abs=0.08)
    for scene, (first, last) in enumerate([(0, 400), (400, 800)]):  # and each from its own scene
        own = targets.rays.split(targets.rays.flat.directions)[scene]
        assert torch.isin(drawn.rays.flat.directions[first:last, 0], own[:, 0]).all()


def test_rays_along_edges_lie_where_the_pictures_change(balls: Dataset) -> None:
    scenes = balls.subset([0, 1])
    targets = ray_targets(scenes, image_space(scenes), with_edges=True)
    assert targets.edges is not None
    numbered = replace(targets, background=torch.arange(float(len(targets.channels)))[:, None].expand(-1, 3))
    drawn = [numbered.draw(PixelCounts(300, 300, 300), passes) for passes in range(20)]
    of_scenes = [torch.cat([each.rays.split(each.background[:, 0])[scene] for each in drawn]) for scene in (0, 1)]
    first = targets.rays.per_scene[0]
    assert of_scenes[0].max() < first <= of_scenes[1].min()  # each from its own scene
    for rows, edges in zip(of_scenes, targets.rays.split(targets.edges), strict=True):
        assert (targets.edges[rows.long()] > 0).all()
        often = edges > edges.median()
        expected = float(edges[often].sum() / edges.sum())
        found = float((targets.edges[rows.long()] > edges.median()).float().mean())
        assert found == pytest.approx(expected, abs=0.02)
        assert expected > 1.5 * float(often.float().mean())


def test_pictures_that_show_nothing_have_rays_from_everywhere(balls: Dataset) -> None:
    scene = balls.subset([0])
    targets = ray_targets(scene, image_space(scene))
    blank = replace(targets, channels=targets.background, cropped=torch.zeros_like(targets.cropped))
    assert len(blank.draw(PixelCounts(10, 9, 5), 0).channels) == 10


def test_rays_are_drawn_from_between_those_of_the_passes_before(balls: Dataset) -> None:
    scene = balls.subset([0])
    targets = ray_targets(scene, image_space(scene))
    whole = len(targets.channels)
    directions = [targets.draw(PixelCounts(whole // 8, 0), passes).rays.flat.directions for passes in range(8)]
    assert len(torch.cat(directions).unique(dim=0)) > 0.7 * whole  # of independent ones 0.63
