import pytest
import torch
from torch import nn

from kd_core.config import ModelSettings
from kd_core.errors import ModelError
from kd_core.models.build import build_model, get_spec
from kd_core.models.features import features, propose_layers
from kd_core.models.spec import MODELS

HEAVY = ("vgg16_bn", "vit_b_16", "convnext_tiny", "efficientnet_b3", "resnet50")
LIGHT = [name for name in MODELS if name not in HEAVY]


def build(name, size=64):
    return build_model(ModelSettings(name=name), 3, 3, size, seed=0).eval()


def test_features_are_what_flows_on_with_its_gradient():
    model = build("resnet18")
    with features(model, ["layer4"]) as caught:
        logits = model(torch.randn(2, 3, 64, 64))["logits"]
    head = model.network.fc
    by_hand = head(caught["layer4"].mean(dim=(2, 3)))
    torch.testing.assert_close(by_hand, logits)
    caught["layer4"].sum().backward()
    assert model.network.conv1.weight.grad is not None


def test_hooks_are_gone_afterwards():
    model = build("tiny_cnn")
    with features(model, ["stem"]) as caught:
        pass
    model(torch.zeros(1, 3, 64, 64))
    assert caught == {}


@pytest.mark.parametrize("name", LIGHT)
def test_default_layers_get_coarser_and_are_not_changed_later(name):
    model = build(name)
    paths = get_spec(name).layers or propose_layers(model, 3, 64)
    copies = {}
    for path in paths:
        module = model.network.get_submodule(path)
        module.register_forward_hook(
            lambda m, i, out, path=path: copies.update({path: out.clone()})
        )
    with torch.no_grad(), features(model, paths) as caught:
        model(torch.randn(1, 3, 64, 64))
    sides = [caught[path].shape[-1] for path in paths]
    assert sides == sorted(set(sides), reverse=True)
    for path in paths:
        assert torch.equal(caught[path], copies[path])


def test_unknown_layer_names_near_ones():
    with pytest.raises(ModelError) as caught, features(build("resnet18"), ["layer5"]):
        pass
    assert caught.value.code == "layer_unknown"
    assert "layer4" in caught.value.fields["near"]


def test_a_module_without_a_single_tensor_is_refused():
    class Two(nn.Module):
        def forward(self, x):
            return x, x

    network = nn.Sequential(Two())
    with pytest.raises(ModelError, match="layer_no_tensor"), features(network, ["0"]):
        network(torch.zeros(1))


def test_proposed_layers_of_a_resnet_are_its_stages():
    assert propose_layers(build("resnet18"), 3, 64) == ("layer1", "layer2", "layer3", "layer4")
    assert propose_layers(build("resnet18"), 3, 64, n=2) == ("layer3", "layer4")


@pytest.mark.parametrize("name", LIGHT)
def test_proposed_layers_are_one_a_resolution(name):
    model = build(name)
    model.train()
    paths = propose_layers(model, 3, 64)
    assert model.training
    assert 3 <= len(paths) <= 4
    with torch.no_grad(), features(model.eval(), paths) as caught:
        model(torch.zeros(1, 3, 64, 64))
    sides = [caught[path].shape[-1] for path in paths]
    assert sides == sorted(set(sides), reverse=True)


def test_proposed_layers_of_a_transformer_are_even_steps():
    blocks = [nn.TransformerEncoderLayer(8, 2, batch_first=True) for _ in range(6)]

    class Transformer(nn.Module):
        def __init__(self):
            super().__init__()
            self.blocks = nn.Sequential(*blocks)

        def forward(self, images):
            return self.blocks(images.flatten(2).transpose(1, 2).repeat(1, 1, 8)).mean(1)

    assert propose_layers(Transformer().eval(), 1, 4, n=2) == ("blocks.2", "blocks.5")
