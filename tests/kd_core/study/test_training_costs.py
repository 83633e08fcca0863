import math
from types import SimpleNamespace

import pytest

from kd_core.study import training_costs
from kd_core.study.records import TrainingRecord
from kd_core.study.training_costs import cost_ratio, spent

ALONE = TrainingRecord(best_epoch=1, select_metric="accuracy", steps=100, seconds=40.0)


@pytest.mark.parametrize(
    ("seconds", "text", "ratio"),
    [(84.0, "ratio", 2.1), (41.0, "alike", 1.0), (20.0, "ratio", 0.5)],
)
def test_time_is_told_beside_the_baseline(seconds, text, ratio):
    # what was stored of the teacher serves every run, whoever came first
    found = cost_ratio(ALONE.change(seconds=seconds, teacher_seconds=4.0), ALONE)
    assert found.time == pytest.approx(seconds / 40)
    assert found.msg.id == f"train.cost.{text}"
    assert found.msg.params["ratio"] == ratio


def test_what_is_not_known_has_no_ratio():
    found = cost_ratio(ALONE.change(energy_j=10.0), ALONE.change(seconds=0.0))
    assert (found.time, found.energy, found.steps) == (None, None, 1.0)
    assert found.msg.id == "train.cost.unknown"
    assert cost_ratio(ALONE.change(energy_j=10.0), ALONE.change(energy_j=4.0)).energy == 2.5


def trained(monkeypatch, records):
    """Arms by name from training records by arm and seed."""
    read = {f"{arm}-s{seed}": t for arm, of in records.items() for seed, t in of.items()}
    records_of = SimpleNamespace(read=lambda folder: SimpleNamespace(training=read[folder]))
    monkeypatch.setattr(training_costs, "RunRecord", records_of)
    return {
        arm: [
            SimpleNamespace(run=SimpleNamespace(id=f"{arm}-s{seed}", seed=seed),
                            folder=f"{arm}-s{seed}")
            for seed in of
        ]
        for arm, of in records.items()
    }  # fmt: skip


def test_an_arm_is_charged_with_the_further_runs_that_it_needs(monkeypatch):
    own = ALONE.change(seconds=60.0, energy_j=6.0, teacher_images=100)
    arms = trained(
        monkeypatch,
        {
            "baseline": {0: ALONE, 1: ALONE.change(seconds=60.0)},
            "born": {0: own, 1: own.change(teacher_images=0)},
            "born-gen1": {0: own, 1: own.change(energy_j=None)},
            "born-small": {0: own, 1: own},  # a chain that was named so
        },
    )
    found = spent("born", arms)
    assert (found.seconds, found.steps, found.teacher_images) == (120.0, 200.0, 200)
    assert found.energy_j is None
    ratio = cost_ratio(found, spent("baseline", arms))
    assert (ratio.time, ratio.steps, ratio.energy) == (2.4, 2.0, None)


def test_an_arm_that_was_never_trained_costs_nothing_that_is_known(monkeypatch):
    arms = trained(monkeypatch, {"baseline": {0: ALONE}, "imported": {0: None}})
    found = spent("imported", arms)
    assert math.isnan(found.seconds)
    assert cost_ratio(found, spent("baseline", arms)).time is None
