"""What the two suites' commands and configurations say, written out again."""

import pytest
import torch
import torch.nn.functional as F

from kd_core.losses import objective
from kd_core.losses.conventions import translate
from kd_core.losses.conventions_suites import MDISTILLER, REPDISTILLER
from tests.kd_core.losses.helpers_losses import inputs_for

# as on their command lines and in their configuration: ours, without soft targets of weight 0
R_COMMANDS = {
    "kd": {"task": 0.1, "kd": 0.9},
    "hint": {"task": 1.0, "hint": 100.0},
    "attention": {"task": 1.0, "attention": 1000.0},
    "similarity": {"task": 1.0, "similarity": 3000.0},
    "vid": {"task": 1.0, "vid": 1.0},
    "crd": {"task": 1.0, "crd": 0.8},
    "rkd": {"task": 1.0, "rkd_distance": 25.0, "rkd_angle": 50.0},
    "pkt": {"task": 1.0, "pkt": 30000.0},
    "nst": {"task": 1.0, "nst": 50.0},
    "fsp": {"task": 1.0, "fsp": 50.0},
}
M_CONFIGS = {
    "kd": {"task": 0.1, "kd": 0.9},
    "fitnet": {"task": 1.0, "hint": 100.0},
    "at": {"task": 1.0, "attention": 1000.0},
    "sp": {"task": 1.0, "similarity": 3000.0},
    "pkt": {"task": 1.0, "pkt": 30000.0},
    "nst": {"task": 1.0, "nst": 50.0},
    "vid": {"task": 1.0, "vid": 1.0},
    "crd": {"task": 1.0, "crd": 0.8},
    "rkd": {"task": 1.0, "rkd_distance": 25.0, "rkd_angle": 50.0},
    "reviewkd": {"task": 1.0, "review": 1.0},
    "dkd": {"task": 1.0, "dkd": 1.0},
}
CASES = [("repdistiller", *item) for item in R_COMMANDS.items()]
CASES += [("mdistiller", *item) for item in M_CONFIGS.items()]


def weights_of(name, **params):
    return objective(translate(name, **params).distil, "classification").weights


def test_every_method_is_compared():
    assert set(REPDISTILLER) == set(R_COMMANDS)
    assert set(MDISTILLER) == set(M_CONFIGS)


@pytest.mark.parametrize(("name", "method", "expected"), CASES)
def test_published_weights(name, method, expected):
    assert weights_of(name, method=method) == pytest.approx(expected)


@pytest.mark.parametrize("r", [0.0, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("a", [0.0, 0.5, 1.0])
def test_repdistiller_with_three_weights_of_ones_own(r, a):
    inputs, (z_s, feature) = inputs_for("hint", "classification", n=5, k=4)
    own = {"r": r, "a": a, "b": 100.0, "weights": "own", "kd_T": 4.0}
    made = objective(translate("repdistiller", method="hint", **own).distil, "classification")
    ce = F.cross_entropy(z_s, inputs.targets)
    total = made(ce, inputs)["total"]
    log_q, p = F.log_softmax(z_s / 4, 1), F.softmax(inputs.teacher["logits"] / 4, 1)
    div = F.kl_div(log_q, p, reduction="sum") * 4**2 / len(z_s)
    regressed = F.conv2d(feature, *inputs.helper[0].parameters())
    theirs = r * ce + a * div + 100.0 * F.mse_loss(regressed, inputs.teacher_features[0])
    torch.testing.assert_close(total, theirs)
    learns = [z_s, feature]
    gradients = [
        torch.autograd.grad(one, learns, retain_graph=True, materialize_grads=True)
        for one in (total, theirs)
    ]
    for ours, other in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, other)


def test_a_loss_that_is_learnt_beforehand_there_is_said_to_be():
    said = [msg.id for msg in translate("repdistiller", method="fsp").remarks]
    assert said[0] == "convention.remark.fsp_before"


def test_mdistillers_soft_targets_are_a_sum_over_classes():
    inputs, (z_s,) = inputs_for("kd", "classification", n=5, k=4)
    made = objective(translate("mdistiller", method="kd").distil, "classification")
    ce = F.cross_entropy(z_s, inputs.targets)
    log_q, p = F.log_softmax(z_s / 4, 1), F.softmax(inputs.teacher["logits"] / 4, 1)
    theirs = 0.1 * ce + 0.9 * F.kl_div(log_q, p, reduction="none").sum(1).mean() * 4**2
    torch.testing.assert_close(made(ce, inputs)["total"], theirs)


def test_mdistillers_growing_methods_have_a_warm_up():
    translation = translate("mdistiller", method="dkd", target=2.0, others=6.0)
    assert translation.distil.warmup == pytest.approx(20 / 240)
    assert translation.distil.losses[0].params == {"T": 4.0, "target": 2.0, "others": 6.0}
    assert translate("mdistiller", method="at").distil.warmup == 0.0
