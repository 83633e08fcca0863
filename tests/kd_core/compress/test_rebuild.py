import copy

import pytest
import torch
from torch import nn

from kd_core.compress.rebuild import cut, narrowing, replay_narrowing
from kd_core.config import ModelSettings
from kd_core.errors import ModelError
from kd_core.models import build_model, load_checkpoint, save_checkpoint
from kd_core.models.task_model import NetworkSpec, TaskModel


def chain() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, 5, 1), nn.Flatten()
    ).eval()


def test_a_cut_chain_is_the_slice_made_by_hand():
    network = chain()
    by_hand = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 5, 1))
    keep = [0, 2, 3, 5]
    with torch.no_grad():
        by_hand[0].weight.copy_(network[0].weight[keep])
        by_hand[0].bias.copy_(network[0].bias[keep])
        by_hand[3].weight.copy_(network[3].weight[:, keep])
        by_hand[3].bias.copy_(network[3].bias)
    cut(network, {("0", "out"): {1, 4}, ("1", "out"): {1, 4}, ("3", "in"): {1, 4}})
    images = torch.randn(2, 3, 8, 8)
    assert torch.equal(network(images), by_hand.eval()(images).flatten(1))
    assert (network[0].out_channels, network[1].num_features, network[3].in_channels) == (4, 4, 4)


def test_a_grouped_convolution_loses_the_same_inputs_in_each_group():
    conv = nn.Conv2d(8, 4, 1, groups=2, bias=False)
    before = conv.weight.detach().clone()  # (4, 4, 1, 1)
    network = nn.Sequential(conv)
    cut(network, {("0", "in"): {1, 5}})
    assert torch.equal(conv.weight, before[:, [0, 2, 3]])
    assert conv(torch.zeros(1, 6, 2, 2)).shape == (1, 4, 2, 2)


def test_a_depthwise_convolution_and_norms_lose_channels():
    network = nn.Sequential(nn.Conv2d(6, 6, 3, groups=6), nn.BatchNorm2d(6), nn.LayerNorm(6))
    cut(network, {("0", "out"): {0}, ("1", "out"): {0}, ("2", "out"): {0}})
    assert (network[0].groups, network[0].in_channels, network[0].weight.shape[0]) == (5, 5, 5)
    assert network[1].running_var.shape == (5,)
    assert network[2](torch.zeros(1, 5)).shape == (1, 5)


@pytest.fixture(scope="module")
def models():
    """A network, and the same with two hidden channels and one of a bare parameter fewer."""
    before = build_model(ModelSettings(name="convnext_tiny"), 3, 3, 32, seed=0).eval()
    model = copy.deepcopy(before)
    drops = {("features.1.0.block.3", "out"): {0, 7}, ("features.1.0.block.5", "in"): {0, 7}}
    cut(model.network, drops)
    model.history = (narrowing(before.network, model.network),)
    return before, model


def test_a_file_gives_the_same_network_bit_for_bit(models, tmp_path):
    _, model = models
    save_checkpoint(tmp_path / "model.pt", model)
    back = load_checkpoint(tmp_path / "model.pt")
    images = torch.randn(1, 3, 32, 32)
    assert torch.equal(back(images)["logits"], model(images)["logits"])
    assert back.history == model.history
    assert model.history[0]["modules"]["features.1.0.block.3"]["out_features"] == 382


def test_bare_parameters_are_replayed():
    class Scaled(nn.Module):
        def __init__(self, n: int) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.ones(n, 1, 1))

    before, after = Scaled(6), Scaled(6)
    cut(after, {("scale", "parameter"): {3}})
    item = narrowing(before, after)
    assert item["parameters"] == {"scale": [5, 1, 1]}
    spec = NetworkSpec(name="tiny_cnn", n_outputs=2, channels=3, size=8)
    replay_narrowing(TaskModel(before, spec), item)
    assert before.scale.shape == (5, 1, 1)


def test_an_item_of_another_network_is_refused(models):
    other = build_model(ModelSettings(name="tiny_cnn"), 3, 3, 32, seed=0)
    with pytest.raises(ModelError, match="history_unfit"):
        replay_narrowing(other, models[1].history[0])
