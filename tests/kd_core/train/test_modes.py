import inspect

import pytest

from kd_core.config import DistilSettings, LossTerm
from kd_core.errors import ConfigError
from kd_core.train import MODES
from tests.helpers_data import tiny_data
from tests.helpers_train import TinyNet, tiny_fit, tiny_run

TASKS = ["classification", "multilabel"]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_trains_every_task_and_its_loss_falls(tmp_path, mode, task):
    data = tiny_data(task)
    distil = None if mode == "alone" else DistilSettings(mode=mode, losses=(LossTerm(name="kd"),))
    run = tiny_run(distil=distil, views=2, epochs=6)
    teacher = TinyNet(seed=9) if MODES[mode].needs_teacher else None
    result = tiny_fit(run, data, tmp_path / "run", teacher=teacher)
    first, last = result.history[0], result.history[-1]
    assert last["loss.total"] < first["loss.total"]
    weights = (1.0, 0.0) if distil is None else (distil.alpha, 1 - distil.alpha)
    parts = weights[0] * last["loss.task"] + weights[1] * last.get("loss.kd", 0.0)
    assert last["loss.total"] == pytest.approx(parts, rel=1e-5)


@pytest.mark.parametrize("mode", [name for name, spec in MODES.items() if spec.needs_teacher])
def test_a_mode_that_needs_a_teacher_says_so(tmp_path, mode):
    with pytest.raises(ConfigError) as caught:
        tiny_fit(tiny_run(distil=DistilSettings(mode=mode), views=2), tiny_data(), tmp_path / "r")
    assert caught.value.code == "teacher_missing"


def test_the_loop_names_no_mode_loss_or_task():
    from kd_core.train import loop

    source = inspect.getsource(loop)
    for name in [*MODES, *TASKS, "kd", "logits"]:
        assert f'"{name}"' not in source
