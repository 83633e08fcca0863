import pytest
import torch

from kd_core.losses.relation_similarity import cka, pkt, similarity


@pytest.fixture
def vectors():
    return torch.randn(8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("loss", [similarity, pkt, cka])
def test_a_rotation_and_a_common_factor_cost_nothing(loss, vectors):
    rotation = torch.linalg.qr(vectors[:5])[0]
    assert abs(loss(3 * vectors @ rotation, vectors).item()) < 1e-6


@pytest.mark.parametrize("loss", [similarity, pkt, cka])
def test_another_order_of_the_images_costs_something(loss, vectors):
    assert loss(vectors.roll(1, 0), vectors).item() > 1e-3


def test_alignment_is_between_nothing_and_one(vectors):
    one, two = torch.eye(8, dtype=torch.float64)[:, :1], torch.eye(8, dtype=torch.float64)[:, 1:2]
    assert 0.9 < cka(one, two).item() <= 1
    assert cka(one, one).item() == pytest.approx(0)


def test_a_network_that_says_the_same_of_all_images_stays_finite(vectors):
    same = torch.ones(8, 3, dtype=torch.float64, requires_grad=True)
    for loss in (similarity, pkt, cka):
        value = loss(same, vectors)
        assert torch.autograd.grad(value, same)[0].isfinite().all()
