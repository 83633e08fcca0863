import numpy as np
import pytest
import torch
import torch_pruning
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from kd_core.compress.prune_groups import find_groups
from kd_core.compress.prune_scores import (
    fpgm,
    hessian,
    l1,
    l2,
    lamp,
    random_scores,
    score_groups,
    taylor,
)
from kd_core.config import ModelSettings
from kd_core.models import build_model
from kd_core.models.task_model import NetworkSpec, TaskModel


@pytest.fixture(scope="module")
def model() -> TaskModel:
    settings = ModelSettings(name="resnet_narrow", params={"width": 8, "blocks": 1})
    model = build_model(settings, 3, 3, 16, seed=0).eval()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, _BatchNorm):
                module.weight.uniform_(0.5, 1.5, generator=generator)
    model(torch.randn(4, 3, 16, 16, generator=generator))["logits"].square().sum().backward()
    return model


IMPORTANCE = torch_pruning.importance


@pytest.mark.parametrize(
    ("ours", "peer"),
    [
        ({"local": l1}, IMPORTANCE.GroupMagnitudeImportance(p=1)),
        ({"local": l2}, IMPORTANCE.GroupMagnitudeImportance(p=2)),
        ({"local": l1, "kinds": (_BatchNorm,)}, IMPORTANCE.BNScaleImportance()),
        # its Taylor score leaves batch norms out
        ({"local": taylor, "kinds": (nn.Conv2d, nn.Linear)}, IMPORTANCE.GroupTaylorImportance()),
        ({"local": hessian}, IMPORTANCE.GroupHessianImportance()),
        ({"local": l2, "normalise": lamp}, IMPORTANCE.LAMPImportance()),
    ],
)
def test_scores_are_those_of_torch_pruning(model, ours, peer):
    graph = torch_pruning.DependencyGraph()
    graph.build_dependency(model.network, torch.randn(1, 3, 16, 16))
    theirs = {}
    for group in graph.get_all_groups(ignored_layers=[model.network.fc]):
        names = {path for path, module in model.network.named_modules() if module in _layers(group)}
        theirs[frozenset(names)] = peer(group).numpy()
    gradients = {name: p.grad for name, p in model.network.named_parameters()}
    groups = find_groups(model)
    scores = score_groups(model.network, groups, gradients=gradients, **ours)
    assert len(scores) == len(theirs) == len(groups)
    for group, values in scores.items():
        key = frozenset(one.path for one in group.cuts)
        np.testing.assert_allclose(values, theirs[key], rtol=1e-3)


def _layers(group) -> list[nn.Module]:
    return [item.dep.target.module for item in group]


def two_layers() -> TaskModel:
    network = nn.Sequential(nn.Conv2d(1, 2, 1, bias=False), nn.Flatten(), nn.Linear(2, 1))
    with torch.no_grad():
        network[0].weight.copy_(torch.tensor([2.0, -1.0]).reshape(2, 1, 1, 1))
        network[2].weight.copy_(torch.tensor([[3.0, 4.0]]))
        network[2].bias.zero_()
    return TaskModel(network.eval(), NetworkSpec(name="x", n_outputs=1, channels=1, size=1))


def test_taylor_by_hand():
    model = two_layers()
    # y = 3 · 2x − 4 · 1x; for x = 1: dy/dw₁ = (3, 4), dy/dw₂ = (2, −1); Σ|w · g| = 6 + 6, 4 + 4
    model.network(torch.ones(1, 1, 1, 1)).sum().backward()
    gradients = {name: p.grad for name, p in model.network.named_parameters()}
    groups = find_groups(model)
    (scores,) = score_groups(model.network, groups, taylor, gradients=gradients).values()
    np.testing.assert_allclose(scores, np.array([6, 4]) / 5)


def test_readers_of_a_grouped_convolution_are_counted_in_their_own_group():
    network = nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 4, 1, groups=2), nn.Conv2d(4, 1, 1))
    with torch.no_grad():
        network[0].weight.zero_()
        rows = torch.tensor([[1.0, 2.0], [0.0, 0.0], [3.0, 5.0], [0.0, 0.0]])
        network[1].weight.copy_(rows.reshape(4, 2, 1, 1))
    model = TaskModel(network.eval(), NetworkSpec(name="x", n_outputs=1, channels=1, size=4))
    group = next(group for group in find_groups(model) if group.name == "0")
    assert (group.channels, group.blocks) == (4, 2)
    scores = score_groups(network, (group,), l1, normalise=lambda values: values)
    # inputs 0 and 2 go together, and 1 and 3; two ends, of which the writer is all zero
    np.testing.assert_allclose(scores[group], [(1 + 3) / 2 / 2, (2 + 5) / 2 / 2])


def test_a_filter_with_a_twin_matters_least_to_fpgm():
    filters = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 5.0], [-4.0, 0.0]])
    assert set(fpgm(filters).argsort()[:2].tolist()) == {0, 1}


def test_random_is_by_seed(model):
    groups = find_groups(model)
    one, same, other = (random_scores(groups, seed) for seed in (0, 0, 1))
    assert all(np.array_equal(one[group], same[group]) for group in groups)
    assert not any(np.array_equal(one[group], other[group]) for group in groups)


def test_a_group_without_a_say_has_no_score(model):
    assert not score_groups(two_layers().network, find_groups(two_layers()), l1, (_BatchNorm,))
