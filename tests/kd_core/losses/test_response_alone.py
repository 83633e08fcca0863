import pytest
import torch
import torch.nn.functional as F

from kd_core.config import DistilSettings, LossTerm
from kd_core.errors import ConfigError
from kd_core.losses import LOSSES, Inputs, objective
from kd_core.losses.response_alone import own_soft_labels, virtual_bernoulli_kl, virtual_kl
from kd_core.tasks import TASKS, Weighting


@pytest.mark.parametrize("task", ["classification", "multilabel"])
@pytest.mark.parametrize("alpha", [0.9, 0.5])
def test_alpha_on_labels_and_the_rest_on_this_is_label_smoothing(task, alpha):
    z = torch.randn(6, 4, requires_grad=True)
    y = torch.arange(6) % 4 if task == "classification" else (torch.randn(6, 4) > 0).float()
    distil = DistilSettings(alpha=alpha, losses=(LossTerm(name="smoothing"),))
    plain = TASKS[task].loss({"logits": z}, y, Weighting())
    ours = objective(distil, task)(plain, Inputs({"logits": z}, {}, y))["total"]
    smoothed = TASKS[task].loss({"logits": z}, y, Weighting(label_smoothing=1 - alpha))
    gradients = [torch.autograd.grad(loss, z)[0] for loss in (ours, smoothed)]
    torch.testing.assert_close(*gradients)


def test_a_student_that_answers_like_the_made_up_teacher_costs_nothing():
    p = torch.tensor([[0.9, 0.05, 0.05], [0.05, 0.05, 0.9]])
    for heat in (1.0, 4.0, 20.0):
        assert virtual_kl(p.log(), torch.tensor([0, 2]), heat, 0.9).item() < 1e-4
    assert virtual_kl(p.log(), torch.tensor([1, 2]), 1.0, 0.9).item() > 1


def test_unknown_labels_have_no_made_up_teacher():
    z = torch.randn(2, 3)
    y = torch.tensor([[1.0, torch.nan, 0.0], [torch.nan, 1.0, 1.0]])
    changed = torch.where(y.isnan(), 50.0, z)
    assert virtual_bernoulli_kl(z, y, 2.0, 0.9) == virtual_bernoulli_kl(changed, y, 2.0, 0.9)
    assert virtual_bernoulli_kl(z, y * torch.nan, 2.0, 0.9).item() == 0


def test_made_up_teachers_of_two_classes_and_of_one_label_are_the_same():
    z = torch.randn(5, 1)
    pair = torch.cat([torch.zeros_like(z), z], 1)
    y = torch.tensor([0, 1, 1, 0, 1])
    ours = virtual_bernoulli_kl(z, y[:, None].float(), 3.0, 0.8)
    torch.testing.assert_close(ours, virtual_kl(pair, y, 3.0, 0.8))


def test_own_soft_labels_are_fixed_and_only_the_inner_part_learns_from_the_labels():
    z, w = torch.randn(2, 6, 4, requires_grad=True).unbind()
    y = torch.arange(6) % 4
    loss = own_soft_labels(z, w, y, 0.1, 0.005)
    of_w = torch.autograd.grad(loss, w, retain_graph=True)[0]
    inner = F.cross_entropy(w, y, label_smoothing=0.1)
    torch.testing.assert_close(of_w, 0.005 * torch.autograd.grad(inner, w)[0])


def test_surer_images_get_surer_labels():
    z = torch.tensor([[4.0, 0.0], [0.0, 0.0]], requires_grad=True)
    loss = own_soft_labels(z, z.detach(), torch.tensor([0, 0]), 0.0, 0.0)
    gradient = torch.autograd.grad(loss, z)[0]
    plain = (z.softmax(1)[:, 0] - 1) / 2
    factor = gradient[:, 0] / plain
    assert factor[0] > 1 > factor[1]


@pytest.mark.parametrize("name", ["teacher_free", "dkd", "nkd", "crd"])
def test_images_without_labels_are_refused(name):
    entry = LOSSES[name]
    logits = {"logits": torch.randn(3, 4)}
    with pytest.raises(ConfigError) as caught:
        entry.forms["classification"](Inputs(logits, logits), entry.defaults())
    assert caught.value.fields == {"loss": name}
