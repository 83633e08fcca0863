import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import zscore
from torchdistill.losses.mid_level import LogitStdKDLoss

from kd_core.errors import ConfigError
from kd_core.losses import LOSSES, Inputs
from kd_core.losses.response import softmax_kl, standardise
from kd_core.losses.response_logits import logit_mse, prob_mse, standardised_kl
from tests.kd_core.losses.test_response import SHAPES, logits


@pytest.mark.parametrize("shape", SHAPES)
def test_matching_agrees_with_torch_with_gradient(shape):
    student, teacher = logits(shape)
    ours, theirs = logit_mse(student, teacher), F.mse_loss(student, teacher)
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("shape", SHAPES)
def test_soft_targets_tend_to_half_of_matching_centred_logits(shape):
    student, teacher = logits(shape)
    centred = [z - z.mean(1, keepdim=True) for z in (student, teacher)]
    # T² · KL → 1/(2K) · Σ (z_t − z_s)² as T → ∞ (Hinton et al. 2015, equation 4)
    hot = softmax_kl(student, teacher, 1e4)
    torch.testing.assert_close(hot, logit_mse(*centred) / 2, rtol=2e-3, atol=1e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_standardising_agrees_with_scipy(shape):
    _, teacher = logits(shape)
    np.testing.assert_allclose(
        standardise(teacher), zscore(teacher.numpy(), axis=1, ddof=1), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [1.0, 2.0, 5.0])
def test_standardised_soft_targets_agree_with_torchdistill_with_gradient(shape, temperature):
    student, teacher = logits(shape)
    ours = standardised_kl(student, teacher, temperature)
    library = LogitStdKDLoss(
        "fc", "output", "fc", "output", temperature=temperature, alpha=1e-30, beta=1.0
    )
    outputs = [{"fc": {"output": values}} for values in (student, teacher)]
    theirs = library(*outputs, torch.zeros(shape[0], dtype=torch.int64))
    torch.testing.assert_close(ours, theirs)
    gradients = [torch.autograd.grad(loss, student)[0] for loss in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-7)


def test_equal_logits_have_no_deviation_and_no_nan():
    assert standardise(torch.full((2, 4), 3.0)).equal(torch.zeros(2, 4))


@pytest.mark.parametrize("several", [False, True])
def test_probabilities_tend_to_the_logits_as_the_temperature_grows(several):
    student, teacher = logits((5, 3))
    hot = prob_mse(student, teacher, 1e4, several)
    if several:  # σ has the slope ¼ at 0
        torch.testing.assert_close(hot, logit_mse(student, teacher) / 16, rtol=1e-3, atol=1e-7)
    else:  # and the softmax the slope 1/K of centred logits
        centred = [z - z.mean(1, keepdim=True) for z in (student, teacher)]
        torch.testing.assert_close(hot, logit_mse(*centred) / 9, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("name", ["kd", "dkd", "mlkd"])
def test_standardising_can_be_had_on_top_of_other_losses(name):
    student, teacher = logits((6, 4))
    entry, targets = LOSSES[name], torch.arange(6) % 4
    form = entry.forms["classification"]

    def value(s, t, **params):
        return form(Inputs({"logits": s}, {"logits": t}, targets), entry.check(params))

    ours = value(student, teacher, standardise=True)
    torch.testing.assert_close(ours, value(standardise(student), standardise(teacher)))
    assert value(student, teacher).item() != ours.item()
    assert value(3 * student + 1, student, standardise=True).item() == pytest.approx(0, abs=1e-9)
    if name == "kd":
        same = standardised_kl(student, teacher, 4.0)
        torch.testing.assert_close(ours, same)
        assert (
            ours.item()
            == LOSSES["logit_std"]
            .forms["classification"](Inputs({"logits": student}, {"logits": teacher}), {"T": 4.0})
            .item()
        )


@pytest.mark.parametrize("name", ["kd", "mlkd"])
def test_several_labels_are_not_standardised(name):
    inputs = Inputs(*[{"logits": z} for z in logits((5, 3))])
    with pytest.raises(ConfigError) as caught:
        LOSSES[name].forms["multilabel"](inputs, LOSSES[name].check({"standardise": True}))
    assert caught.value.code == "standardise_labels"
