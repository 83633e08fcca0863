import torch

from kd_core.losses.feature_cross import alikeness, attention, cross_layer


def test_a_layer_finds_its_like():
    first, second = torch.randn(2, 8, 6)
    rotation = torch.linalg.qr(torch.randn(6, 6))[0]  # alikeness does not see a rotation
    share = attention([first @ rotation], [second, first], 0.001)
    torch.testing.assert_close(share[:, 0], torch.tensor([[0.0, 1.0]]).expand(8, 2))
    assert alikeness(first @ rotation).allclose(alikeness(first), atol=1e-5)


def test_a_very_soft_pairing_is_a_mean_over_all_layers():
    student = [torch.randn(4, 3, 2, 2)]
    teacher = [torch.randn(4, 3, 2, 2), torch.randn(4, 3, 4, 4)]
    same = torch.nn.Identity()
    loss = cross_layer(student, teacher, [[same, same]], 1e9)
    small = torch.nn.functional.adaptive_avg_pool2d(teacher[1], 2)
    expected = ((student[0] - torch.stack([teacher[0], small])) ** 2).mean()
    torch.testing.assert_close(loss, expected)


def test_equal_networks_with_one_layer_cost_nothing():
    feature = torch.randn(4, 3, 2, 2)
    assert cross_layer([feature], [feature], [[torch.nn.Identity()]], 0.1).item() == 0
