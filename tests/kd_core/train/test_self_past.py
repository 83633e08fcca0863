import pytest
import torch
import torch.nn.functional as F

from kd_core.train.self_past import past_weight
from tests.helpers_data import tiny_data
from tests.helpers_modes import mode_fit, mode_run
from tests.helpers_train import equal_weights
from tests.kd_core.train.test_online import CALM, built


def test_the_gradient_is_that_of_the_papers_soft_labels():
    data = tiny_data()
    mode = built(mode_run("ps_kd", params={"alpha_T": 0.6}, model=CALM), data)
    mode.begin_epoch(0)
    for batches in mode.batches(0, 0):
        mode.step(batches)
    mode.begin_epoch(1)
    batches = next(mode.batches(1, 0))
    batch, net = batches["train"], mode.student.network
    loss = mode.losses(batches)["total"]
    ours = torch.autograd.grad(loss, list(net.parameters()))
    assert mode.weight == 0.6
    with torch.no_grad():
        before = mode.past(batch.images)["logits"].softmax(1)
    soft = 0.4 * F.one_hot(batch.targets, 3) + 0.6 * before
    theirs = torch.autograd.grad(
        F.cross_entropy(net(batch.images)["logits"], soft), list(net.parameters())
    )
    for one, two in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-6)


def test_the_past_is_the_network_an_epoch_ago_and_stays_so():
    data = tiny_data()
    mode = built(mode_run("ps_kd"), data)
    mode.begin_epoch(0)
    assert mode.past is None
    for batches in mode.batches(0, 0):
        assert mode.step(batches)["past"].item() == 0.0
    mode.begin_epoch(1)
    assert equal_weights(mode.past, mode.student.network)
    first = {k: v.clone() for k, v in mode.past.state_dict().items()}
    for batches in mode.batches(1, 0):
        mode.step(batches)
    assert all(torch.equal(first[k], v) for k, v in mode.past.state_dict().items())
    assert not mode.past.training


@pytest.mark.parametrize(("epoch", "weight"), [(1, 0.4), (3, 0.8)])
def test_alpha_grows_in_a_straight_line(epoch, weight):
    assert past_weight(epoch, 4, 0.8) == pytest.approx(weight)


def test_the_first_epoch_is_plain_training_and_the_weight_is_in_the_history(tmp_path):
    result = mode_fit(mode_run("ps_kd", epochs=3), tiny_data(), tmp_path / "run")
    assert [row["set.alpha"] for row in result.history] == pytest.approx([1.0, 1 - 1.6 / 3, 0.2])
    assert result.history[0]["loss.total"] == result.history[0]["loss.task"]
    assert result.teacher_images == 2 * 48
