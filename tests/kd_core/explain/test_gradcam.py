import numpy as np
import pytest
import torch
from torch import nn

from kd_core.config import ModelSettings
from kd_core.errors import ModelError
from kd_core.explain.gradcam import choose_place, grad_cam
from kd_core.models import MODELS, build_model

LIGHT = ("resnet_narrow", "tiny_cnn", "mobilenet_v3_small", "shufflenet_v2_x0_5", "squeezenet1_1")
"""Built by hand in a moment; the others have the same kinds of layers and take seconds each."""


def by_hand(features, weights):
    """ReLU of the maps' sum, each times the mean of its gradient: (k, h, w) and (k,) to (h, w)."""
    places = features.shape[1] * features.shape[2]
    return np.maximum((features * (weights / places)[:, None, None]).sum(0), 0)


def test_a_tiny_network_by_hand(plain, task_model):
    conv = nn.Conv2d(1, 3, 1, bias=False)
    with torch.no_grad():
        conv.weight[:] = torch.tensor([1.0, -1.0, 2.0]).reshape(3, 1, 1, 1)
    network = plain(conv, 3, 2)
    with torch.no_grad():
        network.head.weight[:] = torch.tensor([[1.0, 0.5, -1.0], [0.0, -2.0, 1.0]])
    image = np.linspace(-1, 1, 16, dtype=np.float32).reshape(1, 1, 4, 4)
    model = task_model(network, 2, size=4)
    maps = grad_cam(model, np.repeat(image, 2, 0), [0, 1], layer="convolution", name="me")
    features = image[0] * np.array([1, -1, 2], np.float32)[:, None, None]
    for found, weights in zip(maps, ([1, 0.5, -1], [0, -2, 1]), strict=True):
        assert np.allclose(found.values, by_hand(features, np.array(weights)), atol=1e-6)
    assert [(one.target, one.method, one.layer, one.model) for one in maps] == [
        (0, "grad_cam", "convolution", "me"),
        (1, "grad_cam", "convolution", "me"),
    ]


def test_a_network_that_reads_one_corner_lights_that_corner(plain, task_model, share_in_corner):
    class Corner(plain):
        def forward(self, images):
            maps = self.convolution(images)  # (n, 2, 8, 8)
            maps = maps * self.where
            return self.head(maps.mean((2, 3)))

    network = Corner(nn.Conv2d(1, 2, 1, stride=2), 2, 2)
    network.where = torch.zeros(8, 8)
    network.where[:4, :4] = 1
    with torch.no_grad():
        network.convolution.weight[:] = 0.1
        network.convolution.bias[:] = 0
        network.head.weight[:] = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    image = torch.zeros(1, 1, 16, 16)
    image[..., :8, :8] = 1
    (found,) = grad_cam(task_model(network, 2), image, [1], layer="convolution")
    assert share_in_corner(found.values) > 0.95
    (against,) = grad_cam(task_model(network, 2), image, [0], layer="convolution")
    assert against.values.max() == 0


@pytest.mark.parametrize("name", LIGHT)
def test_registered_networks_and_another_implementation(name):
    model = build_model(ModelSettings(name=name), 3, 3, 40, 0).eval()
    images = torch.randn(2, 3, 40, 40, generator=torch.Generator().manual_seed(0))
    place = choose_place(model)
    before = [p.clone() for p in model.parameters()]
    maps = grad_cam(model, images, [0, 2])
    caught = {}

    def keep(module, inputs, output):
        caught["maps"] = output
        return output.clone()  # what comes after may change it in place

    handle = model.network.get_submodule(place.layer).register_forward_hook(keep)
    logits = model.network(images)
    handle.remove()
    (gradient,) = torch.autograd.grad(logits[0, 0] + logits[1, 2], caught["maps"])
    expected = (gradient.mean((2, 3), keepdim=True) * caught["maps"]).sum(1).relu().detach()
    for i, found in enumerate(maps):
        assert found.values.shape == tuple(expected.shape[1:])
        assert np.allclose(found.values, expected[i], atol=1e-6)
    assert min(maps[0].values.shape) >= 4
    assert all((a == b).all() for a, b in zip(before, model.parameters(), strict=True))
    assert all(p.grad is None for p in model.parameters())


def test_every_registered_network_says_where():
    assert set(LIGHT) <= set(MODELS)
    for name, spec in MODELS.items():
        assert spec.layers or name == "tiny_cnn", name


class TinyTransformer(nn.Module):
    """Patches of 4 pixels, a class token, two blocks that mix tokens by their mean."""

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.linear = nn.Linear(width, width)

        def forward(self, tokens):
            return tokens + torch.tanh(self.linear(tokens.mean(1, keepdim=True) + tokens))

    def __init__(self, width=6):
        super().__init__()
        self.patch = nn.Conv2d(1, width, 4, stride=4)
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.blocks = nn.Sequential(self.Block(width), self.Block(width))
        self.head = nn.Linear(width, 2)

    def forward(self, images):
        tokens = self.patch(images).flatten(2).transpose(1, 2)  # (n, 16, D)
        tokens = torch.cat([self.token.expand(len(tokens), -1, -1), tokens], 1)  # (n, 17, D)
        return self.head(self.blocks(tokens)[:, 0])


def test_a_transformer_s_patches_are_laid_out_as_they_were_cut(task_model, share_in_corner):
    torch.manual_seed(0)
    network = TinyTransformer()
    model = task_model(network, 2)
    image = torch.zeros(1, 1, 16, 16)
    image[..., :8, :8] = 3
    place = choose_place(model, "blocks.1")
    assert place.tokens
    maps = [grad_cam(model, image, [k], layer="blocks.1")[0].values for k in (0, 1)]
    assert all(values.shape == (4, 4) for values in maps)
    rest = [np.delete(values.ravel(), [0, 1, 4, 5]) for values in maps]
    assert all(np.ptp(some) < 1e-6 for some in rest)  # equal patches, equal weight
    assert max(np.ptp(values) for values in maps) > 1e-4


def test_no_map_and_no_gradient_are_told(task_model):
    flat = nn.Sequential(nn.Flatten(), nn.Linear(256, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(ModelError, match="explain_no_map"):
        grad_cam(task_model(flat, 2), torch.zeros(1, 1, 16, 16), [0])

    class Beside(nn.Module):
        def __init__(self):
            super().__init__()
            self.unused = nn.Conv2d(1, 2, 3)
            self.head = nn.Linear(256, 2)

        def forward(self, images):
            self.unused(images)
            return self.head(images.flatten(1))

    with pytest.raises(ModelError, match="explain_no_gradient"):
        grad_cam(task_model(Beside(), 2), torch.zeros(1, 1, 16, 16), [0], layer="unused")


@pytest.mark.parametrize("classes", [[0], [0, 3], [0, -1]])
def test_a_class_for_each_image(classes):
    model = build_model(ModelSettings(name="tiny_cnn"), 3, 1, 16, 0)
    with pytest.raises(ModelError, match="explain_classes"):
        grad_cam(model, torch.zeros(2, 1, 16, 16), classes)
