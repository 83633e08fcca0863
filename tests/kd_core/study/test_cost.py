import json
import subprocess
import sys
from pathlib import Path

import pytest

from kd_core.config import DataSettings, ModelSettings, StudySettings, TeacherSettings
from kd_core.errors import ConfigError
from kd_core.study.cost import OVERHEAD_S, Workload, estimate, estimate_aside

TINY = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 1})
STUDY = StudySettings(
    data=DataSettings(dataset="x", size=32),
    teacher=TeacherSettings(model=TINY, train={"epochs": 2, "batch_size": 8}),
    student=TINY,
    train={"epochs": 4, "batch_size": 8},
    seeds=(0, 1),
)
WORK = Workload(n_train=64, channels=1, outputs=3)


def test_every_run_has_an_expected_time() -> None:
    cost = estimate(STUDY, WORK)
    assert list(cost.runs) == [
        "teacher-s0",
        "baseline-s0",
        "distilled-s0",
        "baseline-s1",
        "distilled-s1",
    ]
    assert cost.total_s == pytest.approx(sum(cost.runs.values()))
    # the teacher's answers are computed for the first seed and reused by the second
    assert cost.runs["distilled-s0"] >= cost.runs["distilled-s1"] == cost.runs["baseline-s1"]


def test_a_teacher_from_before_costs_nothing() -> None:
    cost = estimate(STUDY.change(teacher=TeacherSettings(run="r1")), WORK)
    assert cost.teacher_s == 0
    assert min(cost.runs.values()) >= OVERHEAD_S


def test_it_can_be_asked_aside_and_says_what_is_wrong() -> None:
    bad = STUDY.change(student=ModelSettings(name="no_such_net"))
    with pytest.raises(ConfigError) as caught:
        estimate_aside(bad, WORK)
    assert caught.value.code == "entry_unknown"


def test_the_answer_is_one_line_of_json() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "kd_core.study.cost"],
        input=json.dumps({"study": STUDY.to_json(), "work": WORK.to_json()}),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    assert json.loads(done.stdout)["total_s"] > 0
