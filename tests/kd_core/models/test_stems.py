import pytest
import torch
from torch import nn

from kd_core.config import ModelSettings
from kd_core.models.build import build_model, get_spec
from kd_core.models.features import features
from kd_core.models.spec import MODELS
from kd_core.models.stems import conv_like, leave_out, stem_for, stem_msg

HEAVY = ("vgg16_bn", "vit_b_16", "convnext_tiny", "efficientnet_b3", "resnet50")
LIGHT = [name for name in MODELS if name not in HEAVY]


@pytest.mark.parametrize("name", [name for name in LIGHT if name != "tiny_cnn"])
@pytest.mark.parametrize(("size", "cells"), [(28, 3), (64, 3)])
def test_small_images_keep_at_least_three_cells_at_the_end(name, size, cells):
    model = build_model(ModelSettings(name=name), 2, 1, size, seed=0).eval()
    last = get_spec(name).layers[-1]
    with torch.no_grad(), features(model, [last]) as caught:
        model(torch.zeros(1, 1, size, size))
    assert min(caught[last].shape[2:]) >= cells


def test_stem_is_chosen_by_size_unless_it_is_given():
    auto = ModelSettings(name="resnet18")
    assert [stem_for(auto, size) for size in (28, 111, 112, 224)] == [
        "small",
        "small",
        "standard",
        "standard",
    ]
    assert stem_for(ModelSettings(name="resnet18", stem="standard"), 28) == "standard"
    assert stem_for(ModelSettings(name="resnet18", stem="small"), 224) == "small"
    assert stem_for(ModelSettings(name="timm:resnet18"), 28) == "standard"


def test_the_choice_is_explained_with_its_cost():
    message = stem_msg(ModelSettings(name="resnet18"), 28)
    assert message.id == "model.stem.small"
    assert message.params == {"size": 28, "n": 2, "cost": 16}
    assert stem_msg(ModelSettings(name="resnet18"), 224).id == "model.stem.standard"
    assert stem_msg(ModelSettings(name="timm:resnet18"), 64).id == "model.stem.timm"


def test_resnet_loses_its_pooling_first_and_then_its_large_kernel():
    at_64 = build_model(ModelSettings(name="resnet18"), 2, 3, 64, seed=0).network
    assert isinstance(at_64.maxpool, nn.Identity)
    assert at_64.conv1.kernel_size == (7, 7)
    at_28 = build_model(ModelSettings(name="resnet18"), 2, 3, 28, seed=0).network
    assert (at_28.conv1.kernel_size, at_28.conv1.stride) == ((3, 3), (1, 1))


def test_leaving_out_keeps_the_weights_of_small_kernels():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1))
    weight = network[0].weight.clone()
    leave_out(network, [("0",)])
    assert network(torch.zeros(1, 3, 8, 8)).shape == (1, 4, 8, 8)
    assert torch.equal(network[0].weight, weight)


def test_convolution_with_other_channels_keeps_everything_else():
    new = conv_like(nn.Conv2d(3, 8, 5, stride=2, padding=2), in_channels=1)
    assert new(torch.zeros(1, 1, 16, 16)).shape == (1, 8, 8, 8)
    assert new.bias is not None
    assert torch.equal(new.bias, torch.zeros(8))
