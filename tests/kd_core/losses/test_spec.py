import pytest
import torch

from kd_core.config import DistilSettings, LossTerm
from kd_core.errors import ConfigError
from kd_core.losses import LOSSES, objective
from kd_core.losses.spec import why_not
from kd_core.tasks import TASKS
from kd_core.text import Msg
from tests.helpers_readme import TEXTS
from tests.kd_core.losses.helpers_losses import MAPS, inputs_for

CASES = [(name, task) for name, entry in LOSSES.items() for task in entry.tasks]
TOKENS = (((17, 6), (17, 6)), ((17, 10), (17, 8)))


@pytest.mark.parametrize(("name", "task"), CASES)
@pytest.mark.parametrize("shapes", [MAPS, TOKENS], ids=["maps", "tokens"])
def test_every_loss_is_a_finite_scalar_that_teaches_the_student_only(name, task, shapes):
    entry = LOSSES[name]
    inputs, learns = inputs_for(name, task, shapes=shapes, dtype=torch.float32)
    loss = entry.forms[task](inputs, entry.defaults())
    loss.backward()
    assert loss.ndim == 0
    assert loss.isfinite()
    assert all(tensor.grad is None or tensor.grad.isfinite().all() for tensor in learns)
    taught = [tensor for tensor in learns if tensor.grad is not None and tensor.grad.any()]
    assert taught
    if entry.needs == "features":  # every feature that is read teaches
        assert len(taught) == len(inputs.student_features)
    assert inputs.teacher.get("logits", torch.zeros(1)).grad is None


@pytest.mark.parametrize("name", [n for n, e in LOSSES.items() if e.helper is not None])
def test_every_part_of_a_helper_learns(name):
    entry = LOSSES[name]
    inputs, _ = inputs_for(name, entry.tasks[0], n=12)
    if inputs.helper is None:
        pytest.skip("it has no parts of its own")
    entry.forms[entry.tasks[0]](inputs, entry.defaults()).backward()
    for path, parameter in inputs.helper.named_parameters():
        assert parameter.grad is not None, path
        assert parameter.grad.isfinite().all(), path


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_names_known_tasks_its_source_and_legal_defaults(name):
    entry = LOSSES[name]
    assert entry.tasks
    assert set(entry.tasks) <= set(TASKS)
    assert entry.source
    assert entry.check({}) == entry.defaults()
    assert all(entry.family in TASKS[task].knowledge for task in entry.tasks)
    assert entry.range is None or 0 < entry.range[0] <= entry.range[1]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_has_a_formula_for_every_task_or_says_why_not(name, task):
    entry = LOSSES[name]
    assert (f"loss.{name}.formula.{task}" in TEXTS) == (task in entry.forms)
    assert (why_not(name, task).id in TEXTS) == (task not in entry.forms)
    assert f"part.{name}" in TEXTS


@pytest.mark.parametrize(
    ("name", "task"), [(n, t) for n in LOSSES for t in TASKS if t not in LOSSES[n].forms]
)
def test_who_chooses_a_loss_without_a_form_is_told_why(name, task):
    with pytest.raises(ConfigError) as caught:
        objective(DistilSettings(losses=(LossTerm(name=name),)), task)
    assert TEXTS.render(why_not(name, task)) in TEXTS.render(caught.value.msg)


@pytest.mark.parametrize(("name", "task"), CASES)
def test_formulas_say_the_numbers(name, task):
    said = TEXTS.render(Msg(f"loss.{name}.formula.{task}", LOSSES[name].defaults()))
    assert ":number" not in said
    assert said.count("{") == said.count("}")
