"""Each convention's own formula, written out again, against the settings that it becomes."""

import pytest
import torch
import torch.nn.functional as F
from torchdistill.losses.mid_level import KDLoss

from kd_core.losses import objective
from kd_core.losses.conventions import translate
from tests.kd_core.losses.helpers_losses import inputs_for


def both(name, theirs, features="kd", **params):
    """Our total and theirs, and their gradients at the student's logits."""
    inputs, (z_s, *_) = inputs_for(features, "classification", n=5, k=4)
    made = objective(translate(name, **params).distil, "classification")
    total = made(F.cross_entropy(z_s, inputs.targets), inputs)["total"]
    other = theirs(z_s, inputs.teacher["logits"], inputs.targets)
    return total, other, [torch.autograd.grad(one, z_s)[0] for one in (total, other)]


def assert_equal(ours, theirs, gradients):
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("heat", "hard"), [(2.0, 0.5), (20.0, 0.1), (1.0, 0.0)])
def test_hinton_has_the_gradient_of_two_cross_entropies(heat, hard):
    def theirs(z_s, z_t, y):
        soft = -((z_t / heat).softmax(1) * (z_s / heat).log_softmax(1)).sum(1).mean()
        return (heat**2 * soft + hard * F.cross_entropy(z_s, y)) / (1 + hard)

    _, _, gradients = both("hinton", theirs, T=heat, hard=hard)
    torch.testing.assert_close(*gradients, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("beta", [None, 2.0])
@pytest.mark.parametrize("reduction", ["batchmean", "mean"])
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_torchdistill_agrees_with_the_library_itself(alpha, beta, reduction):
    library = KDLoss("fc", "output", "fc", "output", 4.0, alpha, beta, reduction)

    def theirs(z_s, z_t, y):
        return library(*[{"fc": {"output": z}} for z in (z_s, z_t)], y)

    given = {} if beta is None else {"own_beta": True, "beta": beta}
    made = both("torchdistill", theirs, alpha=alpha, reduction=reduction, classes=4, **given)
    assert_equal(*made)


@pytest.mark.parametrize(("heat", "weight"), [(20.0, 0.5), (4.0, 0.9)])
def test_kd_lib_takes_squared_differences_of_probabilities(heat, weight):
    def theirs(z_s, z_t, y):
        soft = F.mse_loss(F.softmax(z_t / heat, 1), F.softmax(z_s / heat, 1))
        return (1 - weight) * F.cross_entropy(z_s, y) + weight * heat * heat * soft

    assert_equal(*both("kd_lib", theirs, temp=heat, distil_weight=weight))


def test_the_tutorial_divides_a_sum_by_the_batch():
    def theirs(z_s, z_t, y):
        p, log_q = F.softmax(z_t / 2, -1), F.log_softmax(z_s / 2, -1)
        soft = torch.sum(p * (p.log() - log_q)) / log_q.shape[0] * 2**2
        return 0.25 * soft + 0.75 * F.cross_entropy(z_s, y)

    assert_equal(*both("pytorch_tutorial", theirs))


def test_the_tutorials_regressor_leaves_the_labels_their_weight():
    inputs, (z_s, feature) = inputs_for("hint", "classification", n=5, k=4)
    made = objective(translate("pytorch_tutorial_hint").distil, "classification")
    ce = F.cross_entropy(z_s, inputs.targets)
    total = made(ce, inputs)["total"]
    regressed = F.conv2d(feature, *inputs.helper[0].parameters())
    theirs = 0.25 * F.mse_loss(regressed, inputs.teacher_features[0]) + 0.75 * ce
    torch.testing.assert_close(total, theirs)


@pytest.mark.parametrize("alpha_on", ["labels", "teacher"])
@pytest.mark.parametrize("t_squared", [True, False])
@pytest.mark.parametrize("reduction", ["batchmean", "mean"])
@pytest.mark.filterwarnings("ignore:reduction:UserWarning")
def test_any_other_formula(alpha_on, t_squared, reduction):
    def theirs(z_s, z_t, y):
        soft = F.kl_div(F.log_softmax(z_s / 3, 1), F.softmax(z_t / 3, 1), reduction=reduction)
        soft = soft * 9 if t_squared else soft
        hard = F.cross_entropy(z_s, y)
        return 0.7 * hard + 0.3 * soft if alpha_on == "labels" else 0.3 * hard + 0.7 * soft

    said = {"alpha_on": alpha_on, "t_squared": t_squared, "reduction": reduction}
    assert_equal(*both("formula", theirs, alpha=0.7, T=3.0, classes=4, **said))
