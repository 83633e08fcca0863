import pytest
import torch

from kd_core.errors import ConfigError
from kd_core.losses import LOSSES
from kd_core.losses.feature_channels import channel_correlation
from kd_core.losses.spec import Shapes


def test_places_may_be_shuffled_and_maps_may_have_another_size():
    feature = torch.randn(3, 4, 6, 6)
    order = torch.randperm(36)
    shuffled = feature.flatten(2)[:, :, order].reshape(3, 4, 4, 9)
    assert channel_correlation(5 * shuffled, feature).item() < 1e-10


def test_two_channels_by_hand():
    apart = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])  # F Fᵀ = identity
    alike = torch.tensor([[[[1.0, 0.0]], [[1.0, 0.0]]]])  # F Fᵀ = ones
    # each row: (1, 0) against (1, 1)/√2: (1 − 1/√2)² + 1/2 = 2 − √2
    assert channel_correlation(apart, alike).item() == pytest.approx(2 - 2**0.5)


def test_one_place_says_nothing_of_channels():
    shapes = Shapes(((8, 1, 1),), ((8, 1, 1),), torch.zeros(4), 2)
    with pytest.raises(ConfigError) as caught:
        LOSSES["ickd"].helper(shapes, {})
    assert caught.value.fields == {"loss": "ickd"}
