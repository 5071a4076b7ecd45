"""Parts of the networks over bags, against their exact definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import ndimage

from ml.networks.attention import TileAttention, nystroem, pseudo_inverse
from ml.networks.spatial import (
    SparseConvNetwork,
    cells_of,
    highest,
    mean_of_neighbours,
    neighbours_of,
    sparsemax,
)
from ml.networks.transmil import TransformerNetwork, sines_of
from ml.training.contrast import nt_xent, redundancy


def test_sparsemax_is_the_nearest_point_of_the_simplex():
    scores = torch.tensor([1.0, 0.9, 0.1, -2.0])
    torch.testing.assert_close(sparsemax(scores), torch.tensor([0.55, 0.45, 0.0, 0.0]))
    torch.testing.assert_close(sparsemax(torch.zeros(5)), torch.full((5,), 0.2))


def test_the_highest_share_the_weight_and_all_get_a_gradient():
    scores = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    weights = highest(scores, 2)
    torch.testing.assert_close(weights.detach(), torch.tensor([0.5, 0.0, 0.5]))
    (weights * torch.tensor([1.0, 2.0, 3.0])).sum().backward()
    assert (scores.grad != 0).all()


def test_neighbours_are_averaged_as_a_window_over_the_map():
    random = np.random.default_rng(0)
    there = random.random((6, 7)) < 0.6
    values = random.normal(size=(6, 7)) * there
    places = torch.from_numpy(np.argwhere(there))
    means = mean_of_neighbours(torch.from_numpy(values[there]), neighbours_of(places))
    window = np.ones((3, 3))
    total = ndimage.convolve(values, window, mode="constant")
    count = ndimage.convolve(there.astype(float), window, mode="constant")
    np.testing.assert_allclose(means.numpy(), (total / np.maximum(count, 1))[there])


def test_attention_by_landmarks_is_exact_when_every_token_is_one():
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 24, 8, dtype=torch.float64) * 0.5
    exact = torch.softmax(query @ key.transpose(1, 2) / 8**0.5, dim=-1) @ value
    approximate = nystroem(query, key, value, 24)
    assert (approximate - exact).abs().max() < 0.05 * exact.abs().max()
    rough = nystroem(query, key, value, 6)
    assert 0 < (rough - exact).abs().mean() < exact.abs().mean()


def test_the_pseudo_inverse_inverts():
    torch.manual_seed(1)
    matrix = torch.softmax(torch.randn(2, 6, 6, dtype=torch.float64) * 2, dim=-1)
    inverse = pseudo_inverse(matrix, 12)
    torch.testing.assert_close(matrix @ inverse, torch.eye(6, dtype=torch.float64).expand(2, 6, 6))


def test_many_tiles_go_by_landmarks_and_few_exactly(monkeypatch):
    torch.manual_seed(2)
    network = TransformerNetwork(5, 2, 16, 0.0, 4).eval()
    tiles, places = torch.randn(40, 5), torch.zeros(40, 2, dtype=torch.int64)
    exact = network(tiles, places)
    assert exact.attention.shape == (40,)
    monkeypatch.setattr("ml.networks.attention.EXACT", 10)
    monkeypatch.setattr("ml.networks.attention.LANDMARKS", 25)
    near = network(tiles, places)
    torch.testing.assert_close(exact.scores, near.scores, atol=0.05, rtol=0.2)
    assert not torch.equal(exact.scores, near.scores)


def test_empty_places_stay_empty_and_a_shift_of_the_map_changes_nothing():
    torch.manual_seed(3)
    network = SparseConvNetwork(4, 2, width=8, channels=8, dropout=0.0, pool="mean", vary=False).eval()
    tiles = torch.randn(5, 4)
    places = torch.tensor([[0, 0], [0, 1], [1, 1], [5, 5], [5, 6]])
    here, there = network(tiles, places), network(tiles, places + 40)
    torch.testing.assert_close(here.scores, there.scores)
    apart = network(tiles, torch.tensor([[0, 0], [0, 9], [9, 9], [5, 4], [2, 6]]))
    assert (here.scores - apart.scores).abs().max() > 1e-4
    cells, rows, columns = cells_of(torch.tensor([[0, 0], [900, 3]]))
    assert rows <= 256
    assert int(cells.max()) == rows * columns - columns + 3 // 4


def test_places_are_told_apart_by_their_waves():
    places = torch.stack(torch.meshgrid(torch.arange(9), torch.arange(9), indexing="ij"), dim=-1).reshape(
        -1, 2
    )
    waves = sines_of(places, 18)
    assert waves.shape == (81, 18)
    apart = torch.cdist(waves, waves) + torch.eye(81) * 9
    assert apart.min() > 0.1


def test_two_views_of_one_thing_are_nearer_than_of_two():
    torch.manual_seed(4)
    rows = torch.randn(8, 6)
    noisy = rows + 0.05 * torch.randn(8, 6)
    assert nt_xent(rows, noisy, 0.2) < nt_xent(rows, noisy.roll(1, 0), 0.2)
    assert redundancy(rows, noisy) < redundancy(rows, noisy.roll(1, 0))
    similar = torch.nn.functional.normalize(torch.cat([rows, noisy]), dim=1)
    logits = (similar @ similar.T / 0.5).fill_diagonal_(-torch.inf)
    truth = torch.arange(16).roll(8)
    assert float(nt_xent(rows, noisy, 0.5)) == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, truth)), rel=1e-5
    )


def test_attention_without_values_nearby_is_what_torch_says():
    torch.manual_seed(5)
    layer = TileAttention(8, 2, 0.0).eval()
    torch.nn.init.zeros_(layer.near.weight)
    tokens = torch.randn(7, 8)
    other = torch.nn.MultiheadAttention(8, 2, batch_first=True).eval()
    with torch.no_grad():
        other.in_proj_weight.copy_(layer.mix.weight)
        other.in_proj_bias.zero_()
        other.out_proj.weight.copy_(layer.join[0].weight)
        other.out_proj.bias.copy_(layer.join[0].bias)
    normal = layer.norm(tokens)[None]
    wanted, weights = other(normal, normal, normal)
    attended, first = layer(tokens)
    torch.testing.assert_close(attended - tokens, wanted[0], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(first, weights[0, 0], atol=1e-5, rtol=1e-4)
