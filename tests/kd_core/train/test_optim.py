import copy

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR

from kd_core.config import TrainSettings
from kd_core.train.optim import Learner, amp_type, lr_at, make_optimizer, shorten_memory
from tests.helpers_train import TinyNet

CPU = torch.device("cpu")


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("total", [10, 200])
def test_schedule_agrees_with_torch(total):
    recipe = TrainSettings(lr=0.3, warmup=0.1)
    warm = total // 10
    sgd = torch.optim.SGD([torch.zeros(1)], lr=recipe.lr)
    parts = [LinearLR(sgd, 1 / warm, 1.0, max(warm - 1, 1)), CosineAnnealingLR(sgd, total - warm)]
    theirs = SequentialLR(sgd, parts, [warm])
    for step in range(total):
        assert lr_at(step, total, recipe) == pytest.approx(sgd.param_groups[0]["lr"], abs=1e-9)
        theirs.step()


def test_constant_schedule_and_no_warmup():
    recipe = TrainSettings(lr=0.3, warmup=0.0, schedule="constant")
    assert {lr_at(step, 5, recipe) for step in range(5)} == {0.3}
    assert lr_at(0, 5, recipe.change(schedule="cosine")) == 0.3


def test_norm_parameters_and_biases_do_not_decay():
    net = TinyNet()
    decayed, free = make_optimizer(net, TrainSettings(weight_decay=0.1)).param_groups
    assert (decayed["weight_decay"], free["weight_decay"]) == (0.1, 0.0)
    assert {id(p) for p in decayed["params"]} == {id(net.conv.weight), id(net.head.weight)}
    assert len(free["params"]) == 4


@pytest.mark.parametrize(
    ("settings", "reference"),
    [
        (
            {"optimizer": "adamw", "weight_decay": 0.0},
            lambda p: torch.optim.AdamW(p, lr=0.1, weight_decay=0.0),
        ),
        (
            {"optimizer": "sgd", "weight_decay": 0.0, "momentum": 0.8},
            lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.8, nesterov=True),
        ),
        (
            {"optimizer": "sgd", "weight_decay": 0.0, "momentum": 0.0},
            lambda p: torch.optim.SGD(p, lr=0.1),
        ),
    ],
)
def test_updates_agree_with_a_plain_torch_loop(settings, reference):
    recipe = TrainSettings(lr=0.1, schedule="constant", warmup=0.0, grad_clip=0.5, **settings)
    ours = TinyNet().eval()
    theirs = copy.deepcopy(ours)
    learner = Learner(ours, recipe, 3, CPU)
    optimizer = reference(theirs.parameters())
    images = torch.randn(4, 3, 16, 16)
    for _ in range(3):
        learner.update((ours(images)["logits"] ** 2).mean() * 100)
        optimizer.zero_grad()
        ((theirs(images)["logits"] ** 2).mean() * 100).backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 0.5)
        optimizer.step()
    for one, two in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_helpers_learn_beside_the_network_and_are_clipped_apart():
    recipe = TrainSettings(lr=0.1, optimizer="sgd", momentum=0.0, warmup=0.0, grad_clip=1.0)
    images = torch.randn(4, 3, 16, 16)
    plain = Learner(TinyNet().eval(), recipe, 3, CPU)
    plain.update((plain.network(images)["logits"] ** 2).mean() * 100)
    helper = torch.nn.Linear(3, 3)
    before = helper.weight.clone()
    helped = Learner(TinyNet().eval(), recipe, 3, CPU, torch.nn.ModuleDict({"hint": helper}))
    loss = (helped.network(images)["logits"] ** 2).mean() * 100
    helped.update(loss + 1e6 * helper.weight.sum())
    assert all(map(torch.equal, plain.network.parameters(), helped.network.parameters()))
    assert 0 < (helper.weight - before).norm() <= 0.1 * 1.001  # lr · clip
    assert set(helped.state_dict()["helpers"]) == {"hint.weight", "hint.bias"}
    old = {name: value for name, value in plain.state_dict().items() if name != "helpers"}
    Learner(TinyNet(), recipe, 3, CPU).load_state_dict(old)  # as older versions wrote it


def test_frozen_parameters_are_left_out():
    net = TinyNet()
    net.conv.requires_grad_(False)
    learner = Learner(net, TrainSettings(warmup=0.0), 2, CPU)
    before = net.conv.weight.clone()
    learner.update(net(torch.randn(2, 3, 16, 16))["logits"].sum())
    assert torch.equal(net.conv.weight, before)


def test_state_goes_on_where_it_stopped():
    recipe, images = TrainSettings(lr=0.1), torch.randn(4, 3, 16, 16)
    one = Learner(TinyNet().eval(), recipe, 4, CPU)
    for step in range(4):
        if step == 2:
            saved = copy.deepcopy(one.state_dict())
        one.update((one.network(images)["logits"] ** 2).mean())
    two = Learner(TinyNet(seed=1).eval(), recipe, 4, CPU)
    two.load_state_dict(saved)
    for _ in range(2):
        two.update((two.network(images)["logits"] ** 2).mean())
    assert two.step == 4
    assert all(map(torch.equal, one.network.parameters(), two.network.parameters()))


def test_mixed_precision_is_for_cuda_only():
    assert amp_type(TrainSettings(), CPU) is None
    assert amp_type(TrainSettings(), torch.device("mps")) is None
    assert amp_type(TrainSettings(amp="off"), torch.device("cuda")) is None


@pytest.mark.parametrize(
    ("momentum", "total", "expected"),
    [(0.01, 100, 0.1), (0.01, 1000, 0.04), (0.01, 100_000, 0.01), (0.3, 100, 0.3), (None, 9, None)],
)
def test_batch_norms_forget_within_the_budget(momentum, total, expected):
    net = torch.nn.Sequential(torch.nn.BatchNorm2d(3, momentum=momentum))
    shorten_memory(net, total)
    assert net[0].momentum == expected


def test_running_statistics_of_a_slow_norm_arrive_in_a_short_run():
    torch.manual_seed(0)
    norm = torch.nn.Sequential(torch.nn.BatchNorm2d(1, momentum=0.0003))
    learner = Learner(norm, TrainSettings(lr=1e-6), 100, CPU)
    for _ in range(100):
        learner.update(norm(torch.randn(8, 1, 4, 4) * 2 + 5).sum())
    assert norm[0].running_mean.item() == pytest.approx(5, abs=0.5)
    assert norm[0].running_var.item() == pytest.approx(4, abs=1)
