import pytest

from kd_core.study.records import TrainingRecord
from kd_core.study.training_costs import cost_ratio

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
