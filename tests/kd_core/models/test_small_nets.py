import pytest
import torch

from kd_core.config import ModelSettings
from kd_core.models.build import build_model


def build(name: str, size: int = 64, channels: int = 3, **settings) -> torch.nn.Module:
    return build_model(ModelSettings(name=name, **settings), 5, channels, size, seed=0)


def test_params_of_the_entries_change_the_network():
    count = {
        width: sum(p.numel() for p in build("resnet_narrow", params={"width": width}).parameters())
        for width in (32, 40, 64)
    }
    assert count[40] < 4_500_000  # the limit for the teacher that the sample carries
    assert count[64] == sum(p.numel() for p in build("resnet18").parameters())


@pytest.mark.parametrize("size", [28, 64, 224])
def test_narrow_resnet_of_width_64_is_torchvisions_resnet18(size):
    narrow = build("resnet_narrow", size, params={"width": 64}).network.eval()
    original = build("resnet18", size).network.eval()
    narrow.load_state_dict(original.state_dict())
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        torch.testing.assert_close(narrow(images), original(images))


@pytest.mark.parametrize("block", ["separable", "plain"])
def test_tiny_cnn_doubles_its_channels_at_each_stage(block):
    model = build("tiny_cnn", 64, params={"width": 8, "depth": 3, "block": block}).network.eval()
    with torch.no_grad():
        maps = model.stages(model.stem(torch.zeros(1, 3, 64, 64)))
    assert maps.shape == (1, 64, 8, 8)


def test_separable_blocks_are_the_smaller_ones():
    count = {
        block: sum(p.numel() for p in build("tiny_cnn", params={"block": block}).parameters())
        for block in ("separable", "plain")
    }
    assert count["plain"] > 5 * count["separable"]
