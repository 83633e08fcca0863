import pytest
import torch

from kd_core.config import ModelSettings
from kd_core.models.build import build_model
from kd_core.models.spec import MODELS

HEAVY = ("vgg16_bn", "vit_b_16", "convnext_tiny", "efficientnet_b3", "resnet50")


def build(name: str, size: int = 64, channels: int = 3, **settings) -> torch.nn.Module:
    return build_model(ModelSettings(name=name, **settings), 5, channels, size, seed=0)


@pytest.mark.parametrize("name", [name for name in MODELS if name not in HEAVY])
def test_dropout_is_set_before_the_head_and_nowhere_doubled(name):
    rates = [
        module.p
        for module in build(name, dropout=0.35).modules()
        if isinstance(module, torch.nn.Dropout)
    ]
    assert 0.35 in rates
    off = build(name, dropout=0.0)
    assert all(m.p == 0 for m in off.modules() if isinstance(m, torch.nn.Dropout))


def test_dropout_acts_in_training_only():
    model = build("resnet18", dropout=0.5)
    images = torch.randn(4, 3, 64, 64)
    model.eval()
    with torch.no_grad():
        assert torch.equal(model(images)["logits"], model(images)["logits"])


def test_dropout_of_heavy_models():
    for name in ("vit_b_16", "vgg16_bn"):
        rates = [m.p for m in build(name, dropout=0.35).modules() if type(m).__name__ == "Dropout"]
        assert 0.35 in rates
