import numpy as np
import torch
from torch import nn

from kd_core.lessons.maps_reading import SIDE, _sized, _stored, _strongest, liveliest, typical
from tests.helpers_lessons import sample_material


def test_typical_images_are_of_every_class_and_neither_the_surest_nor_the_least_sure():
    material = sample_material()
    rows = np.arange(len(material.targets))
    found = typical(material, rows)
    assert np.bincount(material.targets[found], minlength=5).tolist() == [2] * 5
    logits = material.voice("teacher").logits
    for row in found:
        k = material.targets[row]
        of_class = logits[material.targets == k]
        p = np.exp(of_class) / np.exp(of_class).sum(1, keepdims=True)
        mine = np.exp(logits[row])[k] / np.exp(logits[row]).sum()
        assert np.quantile(p[:, k], 0.2) < mine < np.quantile(p[:, k], 0.8)


def test_lively_channels_by_numpy():
    maps = torch.rand(5, 7, 3, 3) * torch.arange(7)[:, None, None]
    varies = maps.numpy().transpose(1, 0, 2, 3).reshape(7, -1).var(1)
    assert liveliest(maps, 3) == sorted(np.argsort(-varies)[:3].tolist())


def test_large_maps_are_kept_as_means_of_their_cells():
    maps = torch.rand(1, 2, 2 * SIDE, 2 * SIDE)
    by_hand = maps.numpy().reshape(1, 2, SIDE, 2, SIDE, 2).mean((3, 5))
    np.testing.assert_allclose(_stored(maps), by_hand, atol=1e-6)
    assert _sized(maps, (2 * SIDE, 2 * SIDE)) is maps


def test_without_a_projection_a_channel_answers_for_itself():
    assert _strongest(None, 0, 3) == (3, 1.0)
    assert _strongest(nn.ModuleList([nn.Identity()]), 0, 2) == (2, 1.0)
