import copy

import pytest
import torch

from kd_core.config import ModelSettings
from kd_core.models import build_model
from kd_core.models.exits import ExitHead, make_exit, pool
from kd_core.models.features import features, propose_layers
from kd_core.models.pairing import shapes, stages
from kd_core.models.profile import profile

NETS = ["tiny_cnn", "resnet_narrow", "mobilenet_v3_small"]


def cut(name: str, size: int = 32):
    """A network, the path of its first stage, and the exit there."""
    model = build_model(ModelSettings(name=name), 4, 3, size, seed=0).eval()
    layers = [path for path, _ in stages(model, 3, size)]
    first, last = shapes(model, [layers[0], layers[-1]], 3, size)
    head = ExitHead(first, last, 4).eval()
    return model, layers[0], make_exit(copy.deepcopy(model), layers[0], head, first, last).eval()


@pytest.mark.parametrize("name", NETS)
def test_an_exit_answers_as_the_head_on_the_networks_own_feature(name):
    model, path, exit_net = cut(name)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad(), features(model, [path]) as caught:
        model(images)
        kept = caught[path].clone()  # some networks change a map in place afterwards
        found = exit_net(images)["logits"]
    torch.testing.assert_close(found, exit_net.network.head(kept)[1])


@pytest.mark.parametrize("name", NETS)
def test_what_is_not_run_is_not_there(name):
    model, _, exit_net = cut(name)
    whole, part = profile(model, 3, 32), profile(exit_net, 3, 32)
    assert part.params < 0.5 * whole.params
    assert part.macs < whole.macs
    network = exit_net.network
    called = set()
    for path, module in network.named_modules():
        module.register_forward_pre_hook(lambda m, i, path=path: called.add(path))
    network(torch.zeros(1, 3, 32, 32))
    having = {p.rpartition(".")[0] for p, _ in network.named_parameters()}
    assert having <= called, "every parameter belongs to a module that is run"


def test_a_head_of_tokens_is_a_norm_and_a_projection():
    head = ExitHead((17, 8), (17, 12), 3)
    pooled, logits = head(torch.randn(2, 17, 8))
    assert pooled.shape == (2, 12)
    assert logits.shape == (2, 3)
    assert pool(torch.ones(2, 5, 4)).tolist() == [[1.0] * 4] * 2


def test_features_are_read_where_the_answer_comes_from():
    _, path, exit_net = cut("tiny_cnn")
    layers = propose_layers(exit_net, 3, 32)
    assert layers == (f"trunk.{path}", "head.bottleneck")
    with features(exit_net, layers) as caught:
        exit_net(torch.randn(2, 3, 32, 32))["logits"].sum().backward(inputs=list(caught.values()))
