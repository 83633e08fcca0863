"""What is true of every way of training."""

import inspect
import math

import numpy as np
import pytest
import torch

from kd_core.config import DistilSettings, LossTerm, StudySettings
from kd_core.errors import ConfigError, JobError
from kd_core.train import MODES, checkpoint
from kd_core.train.loop import CHECKPOINT
from kd_core.train.modes import VERSION, Planning, check_mode
from tests.helpers_data import tiny_data
from tests.helpers_modes import STUDENT, mode_fit, mode_run, network
from tests.helpers_train import equal_weights, tiny_fit, tiny_run

TASKS = ["classification", "multilabel"]
TIMES = ("seconds", "wait_s")


def fits(mode: str, task: str) -> bool:
    return task in MODES[mode].tasks


class Killed(Exception):
    """Stands for anything that ends a process without asking."""


def stopping(calls, action):
    """A ``stop`` that acts when it is asked for the n-th time."""
    asked = []

    def stop():
        asked.append(1)
        return action() if len(asked) == calls else None

    stop.asked = asked
    return stop


def kill():
    raise Killed


def without_times(rows):
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_trains_every_task_that_it_is_for(tmp_path, mode, task):
    data = tiny_data(task)
    if not fits(mode, task):
        with pytest.raises(ConfigError) as caught:
            mode_fit(mode_run(mode), data, tmp_path / "run")
        assert caught.value.code == "mode_task"
        return
    start = network(STUDENT, 0, data)
    result = mode_fit(mode_run(mode, lr=0.003, epochs=3), data, tmp_path / "run")
    assert result.steps == 18, "as many steps as the baseline"
    assert all(math.isfinite(v) for row in result.history for n, v in row.items() if "loss" in n)
    assert not equal_weights(result.network, start)
    assert not result.network.training
    alone = tiny_run(model=STUDENT)
    baseline = tiny_fit_network(alone, data, tmp_path / "alone", network(STUDENT, 0, data))
    assert result.initial_sha256 == baseline.initial_sha256
    assert result.network.state_dict().keys() == start.state_dict().keys()
    names = {name for row in result.history for name in row if "/" in name}
    assert {name.partition("/")[0] for name in names} == set(result.others)
    for name in result.others:
        assert {f"{name}/loss.total", f"{name}/val.loss"} <= names


def tiny_fit_network(run, data, folder, model):
    from kd_core.train import fit

    return fit(run, data, model, folder=folder, cache=folder.parent / "cache")


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_killed_anywhere_ends_with_the_same_weights(tmp_path, mode):
    data, run = tiny_data(n=24), mode_run(mode, epochs=3)
    count = stopping(10**9, kill)
    whole = mode_fit(run, data, tmp_path / "one" / "run", stop=count)
    asked = len(count.asked)
    for share, action, error in ((0.55, kill, Killed), (0.9, lambda: "paused", JobError)):
        folder = tmp_path / f"{share}" / "run"
        with pytest.raises(error):
            mode_fit(run, data, folder, stop=stopping(round(asked * share), action))
        torch.rand(5)
        again = mode_fit(run, data, folder)
        assert equal_weights(again.network, whole.network)
        assert without_times(again.history) == without_times(whole.history)
        assert again.teacher_images == whole.teacher_images
        assert set(again.others) == set(whole.others)
        for name, other in whole.others.items():
            assert equal_weights(again.others[name].network, other.network)
        assert again.facts == whole.facts


@pytest.mark.parametrize("mode", MODES)
def test_a_cancelled_run_stops_at_the_next_step_and_keeps_what_it_had(tmp_path, mode):
    data, run = tiny_data(n=24), mode_run(mode)
    count = stopping(10**9, kill)
    mode_fit(run, data, tmp_path / "one" / "run", stop=count)
    last = stopping(len(count.asked), lambda: "cancelled")
    with pytest.raises(JobError) as caught:
        mode_fit(run, data, tmp_path / "two" / "run", stop=last)
    assert caught.value.code == "cancelled"
    saved = checkpoint.load(tmp_path / "two" / "run" / CHECKPOINT)
    assert 3 <= saved["state"]["step"] < 6  # the last whole epoch


@pytest.mark.parametrize("mode", [name for name, spec in MODES.items() if spec.needs_teacher])
def test_a_mode_that_needs_a_teacher_says_so(tmp_path, mode):
    with pytest.raises(ConfigError) as caught:
        tiny_fit(mode_run(mode), tiny_data(), tmp_path / "r")
    assert caught.value.code == "teacher_missing"


@pytest.mark.parametrize("mode", MODES)
def test_what_a_mode_cannot_use_is_refused_before_anything_is_built(mode):
    spec = MODES[mode]
    peers = (STUDENT,) * spec.peers[0]
    for task in TASKS:
        distil = DistilSettings(mode=mode, peers=peers)
        if not fits(mode, task):
            with pytest.raises(ConfigError):
                check_mode(distil, task)
            continue
        assert check_mode(distil, task) is spec
        with pytest.raises(ConfigError) as caught:
            check_mode(distil.change(peers=(STUDENT,) * (spec.peers[1] + 1)), task)
        assert caught.value.code in ("mode_peers", "config_value")
        with pytest.raises(ConfigError):
            check_mode(distil.change(params={"nothing": 1}), task)
    inside = DistilSettings(mode=mode, peers=peers, losses=(LossTerm(name="hint", weight=1.0),))
    if spec.losses and not spec.features:
        with pytest.raises(ConfigError) as caught:
            check_mode(inside, "classification")
        assert caught.value.code == "mode_features"


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_plans_its_runs_and_the_arms_own_comes_last(mode):
    study = StudySettings(data={"dataset": "sample"}, seeds=(4,))
    peers = (STUDENT,) * MODES[mode].peers[0]
    run = tiny_run(key="arm-s4", seed=4, distil=DistilSettings(mode=mode, peers=peers))
    made = MODES[mode].runs(
        Planning(
            study, run, "teacher-s4", lambda model, seed, name: tiny_run(key=f"{name}-s{seed}")
        )
    )
    assert made[-1].key == "arm-s4"
    assert made[-1].model == run.model
    keys = ["teacher-s4", "baseline-s4"]
    for one in made:
        assert set(one.needs.values()) <= set(keys)
        keys.append(one.key)
    assert ("teacher" in made[-1].needs) == MODES[mode].needs_teacher


@pytest.mark.parametrize("mode", MODES)
def test_a_mode_whose_outcome_changed_gives_its_runs_another_identity(mode):
    study = StudySettings(data={"dataset": "sample"})
    peers = (STUDENT,) * MODES[mode].peers[0]
    run = tiny_run(key="arm-s0", distil=DistilSettings(mode=mode, peers=peers))
    plan = Planning(study, run, "t", lambda model, seed, name: tiny_run(key=f"{name}-s{seed}"))
    params = MODES[mode].runs(plan)[-1].distil.params
    version = MODES[mode].version
    assert params.get(VERSION) == (version if version > 1 else None)
    assert VERSION not in MODES[mode].check(params)


def test_the_loop_names_no_mode_loss_or_task():
    from kd_core.train import loop

    source = inspect.getsource(loop)
    for name in [*MODES, *TASKS, "kd", "logits"]:
        assert f'"{name}"' not in source


def test_offline_adds_up_its_parts(tmp_path):
    result = mode_fit(mode_run("offline"), tiny_data(), tmp_path / "run")
    for row in result.history:
        parts = 0.5 * row["loss.task"] + 0.5 * row["loss.kd"]
        np.testing.assert_allclose(row["loss.total"], parts, rtol=1e-5)
