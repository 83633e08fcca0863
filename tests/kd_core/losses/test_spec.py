import pytest
import torch

from kd_core.losses import LOSSES, Inputs
from kd_core.tasks import TASKS

CASES = [(name, task) for name, entry in LOSSES.items() for task in entry.tasks]


@pytest.mark.parametrize(("name", "task"), CASES)
def test_every_loss_is_a_finite_scalar_that_teaches_the_student_only(name, task):
    student = torch.randn(6, 4, requires_grad=True)
    teacher = torch.randn(6, 4, requires_grad=True)
    targets = torch.randint(0, 4, (6,)) if task == "classification" else torch.ones(6, 4)
    inputs = Inputs({"logits": student}, {"logits": teacher.detach()}, targets, torch.arange(6))
    entry = LOSSES[name]
    loss = entry.forms[task](inputs, entry.defaults())
    loss.backward()
    assert loss.ndim == 0
    assert student.grad.isfinite().all()
    assert student.grad.abs().sum() > 0


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_names_known_tasks_its_source_and_legal_defaults(name):
    entry = LOSSES[name]
    assert entry.tasks
    assert set(entry.tasks) <= set(TASKS)
    assert entry.source
    assert entry.check({}) == entry.defaults()
    assert all(entry.family in TASKS[task].knowledge for task in entry.tasks)
