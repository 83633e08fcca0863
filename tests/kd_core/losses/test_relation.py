import pytest
import torch

from kd_core.losses.relation import angles, correlation, distances, rkd_angle, rkd_distance


@pytest.fixture
def vectors():
    return torch.randn(6, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_distances_agree_with_torch(vectors):
    expected = torch.cdist(vectors, vectors)
    expected = expected / (expected.sum() / 30)
    torch.testing.assert_close(distances(vectors), expected)


def test_angles_agree_with_a_loop(vectors):
    for i, j, k in [(0, 1, 2), (3, 5, 4), (2, 2, 1)]:
        a, b = vectors[j] - vectors[i], vectors[k] - vectors[i]
        expected = a @ b / (a.norm() * b.norm()) if a.norm() > 0 else torch.zeros(()).double()
        torch.testing.assert_close(angles(vectors)[i, j, k], expected)


@pytest.mark.parametrize("loss", [rkd_distance, rkd_angle])
def test_relations_do_not_see_a_shift_a_size_or_a_rotation(loss, vectors):
    rotation = torch.linalg.qr(vectors[:5])[0]
    assert loss(3 * vectors @ rotation + 1, vectors).item() < 1e-20


def test_equal_images_stay_finite():
    same = torch.ones(3, 2, requires_grad=True)
    for loss in (rkd_distance, rkd_angle):
        value = loss(same, torch.randn(3, 2))
        assert value.isfinite()
        assert torch.autograd.grad(value, same)[0].isfinite().all()


def test_many_terms_are_a_gaussian_kernel():
    x, y = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    # ‖x_0 − x_1‖² = 2 against 0: e^(−2γ) against 1, in two of the four cells
    expected = (1 - torch.tensor(-2 * 0.4).exp()) ** 2 / 2
    torch.testing.assert_close(correlation(x, y, 0.4, 10), expected)
