"""A run that was interrupted ends with the same weights, bit for bit, as one that was not."""

import os
import signal
import subprocess
import sys

import pytest

from kd_core.config import DataSettings, DistilSettings, LossTerm, Ramp
from kd_core.errors import JobError, TrainError
from kd_core.events import Log
from kd_core.train import loop
from kd_core.train.loop import CHECKPOINT
from tests.helpers_code import ROOT
from tests.helpers_data import tiny_data
from tests.helpers_train import TinyNet, equal_weights, tiny_fit, tiny_run

FLIPS = DataSettings(dataset="tiny", size=16, augment="cells")
RUNS = {
    "alone": tiny_run(data=FLIPS),
    "sgd": tiny_run(data=FLIPS, optimizer="sgd", imbalance="sampler"),
    "cached": tiny_run(data=FLIPS, distil=DistilSettings(), views=2),
    "live": tiny_run(data=FLIPS, distil=DistilSettings(teacher_outputs="live")),
    "inside": tiny_run(  # projections, a memory with draws of its own, a schedule
        data=FLIPS,
        views=2,
        distil=DistilSettings(
            losses=(
                LossTerm(name="kd"),
                LossTerm(name="crd", weight=0.8),
                LossTerm(name="review", weight=1.0),
            ),
            warmup=0.3,
            ramps=(Ramp(of="kd.T", end=1.0),),
        ),
    ),
}
TIMES = ("seconds", "wait_s")


class Killed(Exception):
    """Stands for anything that ends a process without asking."""


def fit(run, folder, **more):
    teacher = TinyNet(width=16, seed=9) if run.distil else None
    return tiny_fit(run, tiny_data(), folder, teacher=teacher, **more)


def after(calls, action):
    """A ``stop`` that acts when it is asked for the n-th time."""
    asked = []

    def stop():
        asked.append(1)
        return action() if len(asked) == calls else None

    return stop


def kill():
    raise Killed


def assert_same(one, two):
    assert equal_weights(one.network, two.network)
    assert (one.best_epoch, one.steps) == (two.best_epoch, two.steps)
    for a, b in zip(one.history, two.history, strict=True):
        assert {k: v for k, v in a.items() if k not in TIMES} == {
            k: v for k, v in b.items() if k not in TIMES
        }


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("calls", [3, 10, 15])  # in the first, second and third epoch
def test_killed_in_the_middle_of_an_epoch(tmp_path, name, calls):
    whole = fit(RUNS[name], tmp_path / "whole")
    with pytest.raises(Killed):
        fit(RUNS[name], tmp_path / "run", stop=after(calls, kill))
    assert_same(fit(RUNS[name], tmp_path / "run"), whole)


@pytest.mark.parametrize("name", RUNS)
def test_paused_twice_within_an_epoch(tmp_path, name):
    whole = fit(RUNS[name], tmp_path / "whole")
    for calls in (9, 2):
        with pytest.raises(JobError):
            fit(RUNS[name], tmp_path / "run", stop=after(calls, lambda: "paused"))
    events = []
    assert_same(fit(RUNS[name], tmp_path / "run", emit=events.append), whole)
    assert "train.resumed" in {event.msg["id"] for event in events if isinstance(event, Log)}


def test_killed_after_a_save_within_an_epoch(tmp_path, monkeypatch):
    whole = fit(RUNS["alone"], tmp_path / "whole")
    monkeypatch.setattr(loop, "SAVE_EVERY_S", 0.0)  # save after every step
    with pytest.raises(Killed):
        fit(RUNS["alone"], tmp_path / "run", stop=after(10, kill))
    steps = []
    resumed = fit(RUNS["alone"], tmp_path / "run", stop=lambda: steps.append(1))
    assert len(steps) == 18 - 9
    assert_same(resumed, whole)


CHILD = """
import os, signal, sys
from pathlib import Path
from tests.kd_core.train import test_resume as t
stop = t.after(12, lambda: os.kill(os.getpid(), signal.SIGKILL))
t.fit(t.RUNS["cached"], Path(sys.argv[1]), stop=stop)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
def test_a_process_that_is_killed(tmp_path):
    whole = fit(RUNS["cached"], tmp_path / "whole")
    folder = tmp_path / "elsewhere" / "run"  # with a cache of its own
    command = [sys.executable, "-c", CHILD, str(folder)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ended = subprocess.run(command, env=environment, cwd=ROOT, check=False, timeout=120)
    assert ended.returncode == -signal.SIGKILL
    assert (folder / CHECKPOINT).exists()
    assert_same(fit(RUNS["cached"], folder), whole)


def test_a_finished_run_is_not_trained_again(tmp_path):
    whole = fit(RUNS["alone"], tmp_path / "run")
    steps = []
    assert_same(fit(RUNS["alone"], tmp_path / "run", stop=lambda: steps.append(1)), whole)
    assert steps == []


@pytest.mark.parametrize(
    ("run", "seed"), [(tiny_run(data=FLIPS, lr=0.5), 0), (tiny_run(data=FLIPS), 1)]
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, run, seed):
    fit(RUNS["alone"], tmp_path / "run")
    with pytest.raises(TrainError) as caught:
        tiny_fit(run, tiny_data(seed=seed), tmp_path / "run")
    assert caught.value.code == "checkpoint_other_run"
