import pytest
import torch
from torch import nn

from kd_core.config import ModelSettings
from kd_core.models.build import build_model
from kd_core.models.profile import profile, state_dict_bytes


@pytest.mark.parametrize(
    ("name", "giga_macs", "params"),
    [  # torchvision's documentation of the published models at 224 px
        ("resnet18", 1.814, 11_689_512),
        ("mobilenet_v2", 0.301, 3_504_872),
        ("densenet121", 2.834, 7_978_856),
        ("resnet50", 4.089, 25_557_032),
        ("mobilenet_v3_small", 0.057, 2_542_856),
    ],
)
def test_figures_are_the_published_ones(name, giga_macs, params):
    model = build_model(ModelSettings(name=name), 1000, 3, 224, seed=0)
    result = profile(model, channels=3, size=224)
    assert result.macs / 1e9 == pytest.approx(giga_macs, abs=6e-4)
    assert result.params == params


def test_attention_is_counted():
    layer = nn.MultiheadAttention(8, 2, batch_first=True)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = layer

        def forward(self, images):
            tokens = images.flatten(2).transpose(1, 2)  # (1, 16, 8)
            return self.layer(tokens, tokens, tokens, need_weights=False)[0]

    projections = 4 * 16 * 8 * 8  # query, key, value, output
    products = 2 * 16 * 16 * 8  # scores, and scores times values
    assert profile(Attention(), channels=8, size=4).macs == projections + products


def test_mode_and_bytes():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2)).train()
    statistics = model[1].running_mean.clone()
    result = profile(model, 1, 4)
    assert model.training
    assert torch.equal(model[1].running_mean, statistics)
    # conv 2 + 2, norm 4 weights and 4 statistics of 4 bytes, one counter of 8 bytes
    assert result.state_dict_bytes == state_dict_bytes(model) == 12 * 4 + 8
    assert result.params == 8
