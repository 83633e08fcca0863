import copy
import os

import pytest
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from kd_core.compress.prune_channels import remove
from kd_core.compress.prune_groups import find_groups
from kd_core.config import ModelSettings
from kd_core.models import MODELS, build_model
from kd_core.models.task_model import NetworkSpec, TaskModel

LAYER_NORM = "convnext_tiny"  # fewer channels change the mean of those that stay
SIZE = 32
QUICK = ("resnet_narrow", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1")
NAMES = [n for n in MODELS if n != LAYER_NORM] if os.environ.get("KDLAB_FULL") else QUICK


def model_with_life(name: str) -> TaskModel:
    """A network whose batch norms and output are not those of the first second."""
    model = build_model(ModelSettings(name=name), 3, 3, SIZE, seed=0)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.running_mean.normal_(0, 0.1, generator=generator)
                module.weight.uniform_(0.5, 1.5, generator=generator)
                module.bias.normal_(0, 0.1, generator=generator)
        for parameter in list(model.parameters())[-2:]:
            parameter.normal_(0, 0.1, generator=generator)
    return model.eval()


def silence(network: nn.Module, chosen) -> None:
    """Make the channels zero where they are written, and leave them in."""
    with torch.no_grad():
        for group, units in chosen.items():
            for (path, side), positions in group.drops(units).items():
                module = network.get_submodule(path) if side == "out" else None
                for tensor in () if module is None else (module.weight, module.bias):
                    if tensor is not None:
                        tensor[sorted(positions)] = 0


@pytest.mark.parametrize("name", NAMES)
def test_taking_channels_out_is_as_if_they_were_silent(name):
    model = model_with_life(name)
    groups = find_groups(model)
    generator = torch.Generator().manual_seed(2)
    chosen = {
        group: set(torch.randperm(group.units, generator=generator)[: group.units // 3].tolist())
        for group in groups
    }
    pruned, silent = copy.deepcopy(model.network), copy.deepcopy(model.network)
    remove(pruned, chosen)
    silence(silent, chosen)
    images = torch.randn(2, 3, SIZE, SIZE, generator=generator)
    whole = model.network(images)
    torch.testing.assert_close(pruned(images), silent(images), rtol=1e-3, atol=1e-5)
    assert not torch.allclose(pruned(images), whole, rtol=1e-3, atol=1e-5)


def test_the_output_layer_is_in_no_group_as_a_writer():
    model = model_with_life("resnet_narrow")
    groups = find_groups(model)
    writers = {one.path for group in groups for one in group.cuts if one.side == "out"}
    assert "fc" not in writers
    assert {"conv1", "layer4.1.conv2"} <= writers
    assert [group.name for group in groups][:2] == ["conv1", "layer1.0.conv1"]


def test_channels_that_are_mixed_stay():
    model = model_with_life("shufflenet_v2_x0_5")
    names = {group.name for group in find_groups(model)}
    assert {"stage2.0.branch2.0", "conv5.0"} <= names  # inside a branch; before the output layer
    assert not any(name.endswith("branch2.5") for name in names)  # shuffled with the other branch


def test_grouped_convolutions_divide_their_channels_into_blocks():
    groups = find_groups(model_with_life("regnet_y_400mf"))
    divided = [group for group in groups if group.blocks > 1]
    assert divided
    assert all(group.units * group.blocks == group.channels for group in divided)


class Reshaping(nn.Module):
    """Its reshape has a number in it, so no channel of the first layer can go."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 1)
        self.second = nn.Conv2d(4, 6, 1)
        self.third = nn.Conv2d(6, 4, 1)
        self.head = nn.Linear(4, 2)

    def forward(self, images):
        x = self.first(images).reshape(-1, 2, 4, 8, 8).sum(1)  # (N, 4, 8, 8)
        return self.head(self.third(self.second(x)).mean((2, 3)))


def test_a_group_that_breaks_the_network_is_left_out():
    spec = NetworkSpec(name="tiny_cnn", n_outputs=2, channels=3, size=8)
    names = [group.name for group in find_groups(TaskModel(Reshaping().eval(), spec))]
    assert "first" not in names
    assert "second" in names
