import json
import subprocess
import sys
from pathlib import Path

import pytest

from kd_core.config import (
    Arm,
    DataSettings,
    DistilSettings,
    LossTerm,
    ModelSettings,
    StudySettings,
    TeacherSettings,
)
from kd_core.errors import ConfigError
from kd_core.study import cost
from kd_core.study.cost import OVERHEAD_S, Workload, estimate, estimate_aside

HINT = LossTerm(name="hint", weight=1.0)
TINY = ModelSettings(name="tiny_cnn", params={"width": 4, "depth": 1})
LARGE = ModelSettings(name="tiny_cnn", params={"width": 8, "depth": 1})
STUDY = StudySettings(
    data=DataSettings(dataset="x", size=32),
    teacher=TeacherSettings(model=TINY, train={"epochs": 2, "batch_size": 8}),
    student=TINY,
    train={"epochs": 4, "batch_size": 8},
    seeds=(0, 1),
)
WORK = Workload(n_train=64, channels=1, outputs=3)


def test_every_run_has_an_expected_time() -> None:
    found = estimate(STUDY, WORK)
    assert list(found.runs) == [
        "teacher-s0",
        "baseline-s0",
        "distilled-s0",
        "baseline-s1",
        "distilled-s1",
    ]
    assert found.total_s == pytest.approx(sum(found.runs.values()))
    # the teacher's answers are computed for the first seed and reused by the second
    assert found.runs["distilled-s0"] >= found.runs["distilled-s1"] == found.runs["baseline-s1"]


def test_a_teacher_from_before_costs_nothing() -> None:
    found = estimate(STUDY.change(teacher=TeacherSettings(run="r1")), WORK)
    assert found.teacher_s == 0
    assert min(found.runs.values()) >= OVERHEAD_S


def test_more_networks_longer_recipes_and_live_teachers_take_longer(monkeypatch) -> None:
    monkeypatch.setattr(cost, "_times", lambda *_: (2.0, 1.0))  # seconds a step, an answer
    arms = (
        Arm(name="plain", distil=DistilSettings(views=1)),
        Arm(name="hint", distil=DistilSettings(views=1, losses=(HINT,))),
        Arm(name="pair", distil=DistilSettings(views=1, mode="mutual", params={"students": 3})),
        Arm(
            name="longer",
            distil=DistilSettings(views=1, mode="alone", losses=()),
            train=STUDY.train.change(epochs=8),
        ),
    )
    runs = estimate(STUDY.change(arms=arms, seeds=(0,)), WORK).runs
    alone = 4 * 8 * 2.0  # epochs × batches × seconds
    seconds = {key: value - OVERHEAD_S for key, value in runs.items()}
    assert seconds["baseline-s0"] == alone
    assert seconds["plain-s0"] == alone + 8  # one view, answered once
    assert seconds["hint-s0"] == alone + 4 * 8
    assert seconds["pair-s0"] == 3 * alone
    assert seconds["longer-s0"] == 2 * alone


# what each mode takes for 4 epochs of 8 batches of 8 images, beside the student alone; a step takes
# 2 seconds and an answer 1, so one view of all 64 images is answered in 8
BESIDE = {
    "offline": 8,
    "mutual": 64,  # one more network, though its number is not given
    "joint": 64,
    "exits": 0.3 * 64,
    "ps_kd": 32,  # an answer at every step
    "ensemble": 3 * 8,
    "born_again": 8,
    "data_free": 32 / 8 + 32 / 8 * 10 * 2,  # one view, ten iterations forth and back
    "unlabelled": 8 + 4,  # and half of the images are asked for their labels
}
PARAMS = {"data_free": {"images": 32, "iterations": 10}}


@pytest.mark.parametrize("mode", BESIDE)
def test_every_mode_says_what_it_takes(mode: str, monkeypatch) -> None:
    monkeypatch.setattr(cost, "_times", lambda *_: (2.0, 1.0))
    losses = () if mode == "alone" else (LossTerm(name="kd"),)
    distil = DistilSettings(views=1, mode=mode, losses=losses, params=PARAMS.get(mode, {}))
    runs = estimate(STUDY.change(arms=(Arm(name="it", distil=distil),)), WORK).runs
    alone = runs["baseline-s0"]
    assert runs["it-s0"] - alone == pytest.approx(BESIDE[mode])
    # what belongs to the study is made once for all seeds; a born-again student has its own teacher
    again = 0 if mode in ("offline", "ensemble", "data_free", "unlabelled") else BESIDE[mode]
    assert runs["it-s1"] - alone == pytest.approx(again)


def test_teachers_of_another_size_cost_what_they_cost(monkeypatch) -> None:
    monkeypatch.setattr(cost, "_times", lambda model, *_: (2.0, 7.0 if model == LARGE else 1.0))
    distil = DistilSettings(views=1, mode="assistants", peers=(LARGE,))
    runs = estimate(STUDY.change(arms=(Arm(name="it", distil=distil),), seeds=(0,)), WORK).runs
    assert runs["it-s0"] - runs["baseline-s0"] == 8 * 7


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
