import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import expit, rel_entr, softmax
from torchdistill.losses.mid_level import KDLoss

from kd_core.errors import ConfigError
from kd_core.losses import LOSSES, Inputs
from kd_core.losses.response import bernoulli_kl, softmax_kl

SHAPES = [(1, 2), (5, 3), (16, 100)]
TEMPERATURES = [0.5, 1.0, 4.0, 20.0]


def logits(shape: tuple[int, int], dtype=torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(shape[0])
    student, teacher = torch.randn((2, *shape), generator=generator, dtype=dtype) * 3
    return student.requires_grad_(), teacher


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_softmax_kl_agrees_with_torch_and_torchdistill_with_gradient(shape, temperature):
    student, teacher = logits(shape)
    targets = torch.zeros(shape[0], dtype=torch.int64)
    ours = softmax_kl(student, teacher, temperature)
    (our_gradient,) = torch.autograd.grad(ours, student)

    log_q = F.log_softmax(student / temperature, 1)
    p = F.softmax(teacher / temperature, 1)
    theirs = F.kl_div(log_q, p, reduction="batchmean") * temperature**2
    (their_gradient,) = torch.autograd.grad(theirs, student)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(our_gradient, their_gradient)

    library = KDLoss("fc", "output", "fc", "output", temperature=temperature, alpha=1e-30, beta=1.0)
    outputs = [{"fc": {"output": values}} for values in (student, teacher)]
    theirs = library(*outputs, targets)
    (their_gradient,) = torch.autograd.grad(theirs, student)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(our_gradient, their_gradient)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_both_forms_agree_with_scipy_in_double_precision(shape, temperature):
    student, teacher = logits(shape)
    z_s, z_t = (z.detach().double().numpy() / temperature for z in (student, teacher))
    by_class = rel_entr(softmax(z_t, axis=1), softmax(z_s, axis=1)).sum(1).mean()
    ours = softmax_kl(student, teacher, temperature).item()
    np.testing.assert_allclose(ours, temperature**2 * by_class)
    by_label = rel_entr(expit(z_t), expit(z_s)) + rel_entr(expit(-z_t), expit(-z_s))
    ours = bernoulli_kl(student, teacher, temperature).item()
    np.testing.assert_allclose(ours, temperature**2 * by_label.mean())


def test_worked_example_in_nats():
    teacher = torch.tensor([[0.7, 0.2, 0.1]]).log()
    student = torch.tensor([[0.5, 0.4, 0.1]]).log()
    # 0.7 ln(0.7/0.5) + 0.2 ln(0.2/0.4) + 0.1 ln(1) = 0.23553 − 0.13863
    assert softmax_kl(student, teacher, 1.0).item() == pytest.approx(0.0969, abs=5e-5)


@pytest.mark.parametrize("temperature", TEMPERATURES)
def test_one_label_is_a_softmax_over_present_and_absent(temperature):
    student, teacher = logits((7, 1))
    pairs = [torch.cat([z, torch.zeros_like(z)], 1) for z in (student, teacher)]
    ours = bernoulli_kl(student, teacher, temperature)
    torch.testing.assert_close(ours, softmax_kl(*pairs, temperature))


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_of_both_forms_by_hand(shape):
    temperature, (n, k) = 3.0, shape
    student, teacher = logits(shape)
    gradient = torch.autograd.grad(softmax_kl(student, teacher, temperature), student)[0]
    q, p = (torch.softmax(z / temperature, 1) for z in (student, teacher))
    torch.testing.assert_close(gradient, temperature * (q - p) / n)
    gradient = torch.autograd.grad(bernoulli_kl(student, teacher, temperature), student)[0]
    q, p = (torch.sigmoid(z / temperature) for z in (student, teacher))
    torch.testing.assert_close(gradient, temperature * (q - p) / (n * k))


def test_high_temperature_tends_to_matching_centred_logits():
    student, teacher = (z - z.mean(1, keepdim=True) for z in logits((5, 3)))
    matching = ((student - teacher) ** 2).sum(1).mean() / (2 * 3)  # Hinton et al. 2015, eq. 4
    torch.testing.assert_close(softmax_kl(student, teacher, 1e4), matching, rtol=1e-3, atol=0)


@pytest.mark.parametrize("form", [softmax_kl, bernoulli_kl])
def test_training_precision_is_near_enough_and_half_precision_is_widened(form):
    student, teacher = logits((16, 10), torch.float32)
    exact = form(student.double(), teacher.double(), 20.0)
    torch.testing.assert_close(form(student, teacher, 20.0).double(), exact, rtol=1e-4, atol=1e-4)
    assert form(student.bfloat16(), teacher.bfloat16(), 20.0).dtype == torch.float32


def test_extreme_logits_stay_finite():
    student = torch.tensor([[1e4, -1e4]], requires_grad=True)
    for form in (softmax_kl, bernoulli_kl):
        loss = form(student, -student.detach(), 1.0)
        assert loss.isfinite()
        assert torch.autograd.grad(loss, student)[0].isfinite().all()


@pytest.mark.parametrize("task", ["classification", "multilabel"])
def test_entry_uses_the_form_of_the_task_and_ignores_labels(task):
    student, teacher = logits((5, 3))
    form = {"classification": softmax_kl, "multilabel": bernoulli_kl}[task]
    unknown = torch.full((5, 3), torch.nan)
    inputs = Inputs({"logits": student}, {"logits": teacher}, unknown)
    ours = LOSSES["kd"].forms[task](inputs, {"T": 2.0})
    assert ours.item() == form(student, teacher, 2.0).item()


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), 101, "4"])
def test_temperature_out_of_range_is_refused(value):
    with pytest.raises(ConfigError):
        LOSSES["kd"].check({"T": value})


def test_temperature_defaults_to_four():
    assert LOSSES["kd"].check({}) == {"T": 4.0, "standardise": False}
