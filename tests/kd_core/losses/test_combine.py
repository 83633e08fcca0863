import pytest
import torch

from kd_core.config import DistilSettings, LossTerm
from kd_core.errors import ConfigError
from kd_core.losses import LOSSES, Inputs, LossSpec, objective
from kd_core.losses.response import softmax_kl

STUDENT = torch.tensor([[1.0, 0.0, -1.0]])
TEACHER = torch.tensor([[0.0, 2.0, -1.0]])
INPUTS = Inputs({"logits": STUDENT}, {"logits": TEACHER})
TASK_LOSS = torch.tensor(0.5)


@pytest.fixture
def hint(monkeypatch):
    """A feature loss, constant 0.25, for classification only."""
    entry = LossSpec(family="feature", forms={"classification": lambda i, p: torch.tensor(0.25)})
    monkeypatch.setitem(LOSSES._entries, "hint", entry)


def make(**settings):
    return objective(DistilSettings(**settings), "classification")


def test_alpha_weighs_labels_against_the_response():
    parts = make(alpha=0.3, losses=(LossTerm(name="kd", params={"T": 2.0}),))(TASK_LOSS, INPUTS)
    kd = softmax_kl(STUDENT, TEACHER, 2.0)
    assert list(parts) == ["task", "kd", "total"]
    torch.testing.assert_close(parts["kd"], kd)
    torch.testing.assert_close(parts["total"], 0.3 * TASK_LOSS + 0.7 * kd)


def test_alpha_is_not_used_without_a_response_loss(hint):
    parts = make(alpha=0.3, losses=(LossTerm(name="hint", weight=100.0),))(TASK_LOSS, INPUTS)
    assert parts["total"].item() == pytest.approx(0.5 + 100 * 0.25)


def test_conventions_of_other_libraries_can_be_said_exactly(hint):
    # mdistiller: 1 · CE + 1 · KD; and all three together with their own weights
    terms = (LossTerm(name="kd", weight=1.0), LossTerm(name="hint", weight=2.0))
    built = make(alpha=1.0, losses=terms)
    assert built.task_weight == 1.0
    assert [(term.name, term.weight) for term in built.terms] == [("kd", 1.0), ("hint", 2.0)]
    expected = 0.5 + softmax_kl(STUDENT, TEACHER, 4.0).item() + 2 * 0.25
    assert built(TASK_LOSS, INPUTS)["total"].item() == pytest.approx(expected)


def test_a_weight_of_the_labels_can_be_said_apart_from_alpha(hint):
    terms = (LossTerm(name="hint", weight=0.25),)
    parts = make(alpha=0.3, task_weight=0.75, losses=terms)(TASK_LOSS, INPUTS)
    assert parts["total"].item() == pytest.approx(0.75 * 0.5 + 0.25 * 0.25)


def test_a_loss_of_no_weight_is_plain_training():
    student = STUDENT.clone().requires_grad_()
    task_loss = torch.nn.functional.cross_entropy(student, torch.tensor([1]))
    inputs = Inputs({"logits": student}, {"logits": TEACHER})
    for settings in (
        {"alpha": 1.0},
        {"task_weight": 1.0, "losses": (LossTerm(name="kd", weight=0),)},
    ):
        total = make(**settings)(task_loss, inputs)["total"]
        gradients = (
            torch.autograd.grad(x, student, retain_graph=True)[0] for x in (total, task_loss)
        )
        assert torch.equal(*gradients)


def test_unlabelled_images_have_no_task_part():
    parts = make(alpha=0.3)(None, INPUTS)
    assert list(parts) == ["kd", "total"]
    torch.testing.assert_close(parts["total"], 0.7 * parts["kd"])


def test_without_distillation_the_total_is_the_task():
    parts = objective(None, "classification")(TASK_LOSS, INPUTS)
    assert {name: value.item() for name, value in parts.items()} == {"task": 0.5, "total": 0.5}


@pytest.mark.parametrize(
    ("losses", "task", "code"),
    [
        ((LossTerm(name="kd"), LossTerm(name="kd")), "classification", "loss_repeats"),
        ((LossTerm(name="hint"),), "classification", "loss_weight"),
        ((LossTerm(name="hint", weight=1.0),), "multilabel", "loss_task"),
        ((LossTerm(name="no_such"),), "classification", "entry_unknown"),
        ((LossTerm(name="kd", params={"T": 0.0}),), "classification", "param_range"),
        ((LossTerm(name="kd", params={"tau": 2.0}),), "classification", "param_unknown"),
    ],
)
def test_bad_settings_are_refused(hint, losses, task, code):
    with pytest.raises(ConfigError) as caught:
        objective(DistilSettings(losses=losses), task)
    assert caught.value.code == code
