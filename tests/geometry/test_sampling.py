import torch

from triptych.geometry import Intervals
from triptych.geometry.compositing import accumulate, rendering_weights
from triptych.geometry.sampling import importance_edges, jittered_edges


def test_jittered_edges_stay_sorted_and_keep_the_ends() -> None:
    near, far = torch.tensor([0.5, 1.0]), torch.tensor([2.0, 1.0])
    generator = torch.Generator().manual_seed(0)
    for _ in range(20):
        edges = jittered_edges(near, far, 16, torch.rand(2, generator=generator))
        assert torch.equal(edges[:, 0], near)
        assert torch.allclose(edges[:, -1], far)
        assert (edges.diff(dim=-1) >= 0).all()


def test_a_jitter_of_one_half_gives_intervals_of_equal_length() -> None:
    edges = jittered_edges(torch.tensor([0.5]), torch.tensor([2.0]), 8, torch.tensor([0.5]))
    assert torch.allclose(edges[0], torch.linspace(0.5, 2.0, 9))


def test_jitter_moves_the_middles_of_intervals_evenly_over_the_ray() -> None:
    jitter = (torch.arange(1000) + 0.5) / 1000
    edges = jittered_edges(torch.zeros(1000), torch.ones(1000), 10, jitter)
    middles = Intervals.between(edges).middles[:, 1:-1]
    counts = torch.histogram(middles.flatten(), bins=8, range=(0.1, 0.9)).hist
    assert torch.allclose(counts, torch.full((8,), 1000.0), atol=10)


def test_intervals_lie_between_neighboring_edges() -> None:
    intervals = Intervals.between(torch.tensor([[0.5, 1.0, 1.0, 3.0]]))
    assert intervals.lengths.tolist() == [[0.5, 0.0, 2.0]]
    assert intervals.middles.tolist() == [[0.75, 1.0, 2.0]]


def test_importance_edges_follow_the_histogram() -> None:
    edges = torch.tensor([[0.0, 1.0, 2.0, 4.0]], dtype=torch.float64)
    weights = torch.tensor([[1.0, 0.0, 3.0]], dtype=torch.float64)
    drawn = importance_edges(edges, weights, 4000, torch.tensor([0.3]).double(), even_share=0.0)[0]
    counts = [((drawn >= low) & (drawn < high)).sum().item() / 4000 for low, high in ((0, 1), (1, 2), (2, 4))]
    assert [round(share, 2) for share in counts] == [0.25, 0.0, 0.75]
    assert abs(drawn[drawn >= 2].mean().item() - 3.0) < 0.02
    assert (drawn.diff() >= 0).all()


def test_importance_edges_of_an_empty_ray_cover_it_evenly() -> None:
    edges = torch.tensor([[0.0, 1.0, 4.0]])
    drawn = importance_edges(edges, torch.zeros(1, 2), 8, torch.tensor([0.5]))
    assert torch.allclose(drawn, (torch.arange(8) + 0.5)[None] / 2, atol=1e-5)


def test_weights_of_a_uniform_slab_follow_beer_lambert() -> None:
    edges = torch.linspace(0.0, 2.0, 501)[None]
    density = torch.full((1, 500), 1.3)
    weights = rendering_weights(density, edges.diff(dim=-1))
    assert torch.allclose(weights.sum(), 1 - torch.exp(torch.tensor(-2.6)), atol=1e-5)


def test_weights_agree_with_the_product_formula() -> None:
    generator = torch.Generator().manual_seed(0)
    density = 5 * torch.rand(4, 9, generator=generator, dtype=torch.float64)
    lengths = torch.rand(4, 9, generator=generator, dtype=torch.float64)
    alpha = 1 - torch.exp(-density * lengths)
    expected = torch.stack([alpha[:, i] * (1 - alpha[:, :i]).prod(dim=1) for i in range(9)], dim=1)
    assert torch.allclose(rendering_weights(density, lengths), expected)


def test_an_opaque_front_hides_what_lies_behind() -> None:
    weights = rendering_weights(torch.tensor([[0.0, 1e6, 1e6]]), torch.ones(1, 3))
    color = accumulate(weights, torch.tensor([[[1.0], [2.0], [3.0]]]))
    assert torch.allclose(color, torch.tensor([[2.0]]))


def test_weights_have_gradients() -> None:
    density = torch.rand(2, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda d: rendering_weights(d, torch.full_like(d, 0.3)), density)
