"""One material at a time, made elsewhere, while everybody goes on."""

import threading

import pytest

from app import services_lessons
from app.services_lessons import Maker
from kd_core.errors import JobError, StoreError
from kd_core.lessons.plan import Plan


@pytest.fixture
def gate(monkeypatch):
    """What lets a making end; it fails where an error was put in first."""
    ready, wrong = threading.Event(), []

    def make(home, study, name, tick):
        tick(1, 4)
        assert ready.wait(20)
        if wrong:
            raise wrong[0]

    monkeypatch.setattr(services_lessons, "make_aside", make)
    return ready, wrong


def ended(maker):
    """Wait until nothing is being made; what was made last."""
    for thread in threading.enumerate():
        if getattr(thread, "_target", None) == maker._make:
            thread.join(20)
    return maker.now


def test_one_at_a_time(gate, tmp_path):
    maker = Maker()
    maker.start(tmp_path, "", "maps")
    with pytest.raises(JobError, match="material_busy"):
        maker.start(tmp_path, "", "map")
    gate[0].set()
    done = ended(maker)
    assert (done.name, done.ended, done.error) == ("maps", True, None)
    maker.start(tmp_path, "", "map")
    assert ended(maker).name == "map"


def test_what_went_wrong_is_kept(gate, tmp_path):
    gate[1].append(StoreError("test_sealed", part="test"))
    gate[0].set()
    maker = Maker()
    maker.start(tmp_path, "", "maps")
    assert ended(maker).error.code == "test_sealed"


def test_a_plan_is_kept_and_its_study_must_exist(home):
    plan = Plan(order=("history",), hidden=("loss",))
    services_lessons.set_lesson_plan(plan)
    assert services_lessons.lesson_plan() == plan
    with pytest.raises(StoreError, match="study_unknown"):
        services_lessons.set_lesson_plan(plan.change(study="s-none"))
    assert services_lessons.lesson_plan() == plan
