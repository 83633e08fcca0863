import torch
import torch.nn.functional as F

from kd_core.tasks import TASKS
from kd_core.train.alone import Alone
from kd_core.train.modes import Setup
from tests.helpers_data import tiny_data
from tests.helpers_train import TinyNet, tiny_run


def make(run, data, tmp_path):
    device = torch.device("cpu")
    tick = lambda stage, done, total: None  # noqa: E731
    return Alone(Setup(run, data, TASKS[data.task], TinyNet(), None, device, tmp_path, tick))


def test_a_step_is_a_plain_torch_step(tmp_path):
    mode = make(tiny_run(optimizer="sgd", warmup=0, schedule="constant"), tiny_data(), tmp_path)
    theirs = TinyNet()
    optimizer = torch.optim.SGD(
        [
            {"params": [theirs.conv.weight, theirs.head.weight], "weight_decay": 0.01},
            {"params": [theirs.conv.bias, theirs.norm.weight, theirs.norm.bias, theirs.head.bias]},
        ],
        lr=0.01,
        momentum=0.9,
        nesterov=True,
    )
    mode.begin_epoch(0)
    for batches in mode.batches(0, first=0):
        batch = batches["train"]
        torch.manual_seed(3)  # dropout draws
        parts = mode.step(batches)
        torch.manual_seed(3)
        loss = F.cross_entropy(theirs(batch.images)["logits"], batch.targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
        optimizer.step()
        assert list(parts) == ["task", "total"]
        torch.testing.assert_close(parts["total"], loss)
    for one, two in zip(mode.deployed().parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_imbalance_settings_reach_the_loss(tmp_path):
    plain = make(tiny_run(), tiny_data(), tmp_path).weighting
    assert (plain.class_weights, plain.gamma) == (None, 0.0)
    weighted = make(tiny_run(imbalance="class_weights"), tiny_data("multilabel"), tmp_path)
    assert weighted.weighting.class_weights.shape == (3,)
    assert make(tiny_run(imbalance="focal"), tiny_data(), tmp_path).weighting.gamma == 2.0
    smooth = make(tiny_run(label_smoothing=0.1), tiny_data(), tmp_path).weighting
    assert smooth.label_smoothing == 0.1


def test_budget_is_epochs_or_steps(tmp_path):
    assert make(tiny_run(), tiny_data(), tmp_path).total_steps == 3 * 6
    assert make(tiny_run(steps=7), tiny_data(), tmp_path).total_steps == 7
