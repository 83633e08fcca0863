import json
from dataclasses import replace

import pytest

from kd_core.lessons import LESSONS
from kd_core.lessons.made_modes import Course
from kd_core.lessons.modes import WAYS, show
from tests.helpers_lessons import sample_material, shipped
from tests.helpers_sample import say

FILE = shipped("modes") / "modes.json"


@pytest.fixture(scope="module")
def plain():
    return json.loads(FILE.read_text(encoding="utf-8"))


def said(way, over):
    shown = show(sample_material(), {"way": way, "over": over})
    return shown, [say(fact) for fact in shown.facts]


@pytest.mark.parametrize("way", WAYS)
def test_at_the_end_the_last_values_of_the_real_curves_stand(way, plain):
    _, (who, now, _) = said(way, 100)
    assert who.startswith("**")
    for values in plain["courses"][way]["curves"].values():
        assert f"**{values[-1]:.3f}**" in now


def test_before_the_second_phase_the_student_knows_nothing(plain):
    _, (_, now, _) = said("offline", 25)
    curve = plain["courses"]["offline"]["curves"]["teacher"]
    assert f"Teacher **{curve[5]:.3f}**" in now  # half of its 12 epochs
    assert "Student: nothing yet" in now


@pytest.mark.parametrize("way", WAYS)
def test_the_cost_is_the_sum_of_its_parts(way, plain):
    shown, (*_, cost) = said(way, 50)
    parts = plain["courses"][way]["work"]
    assert f"**{round(sum(parts.values()), 2):g} times**" in cost
    bar = next(bar for bar in shown.pictures[1].info.bars if bar.mode == way)
    assert bar.total == pytest.approx(sum(parts.values()))


def test_work_by_hand():
    found = sample_material().made["modes"]
    ratio = 217_652_480 / 2_837_440  # multiplications for one image
    assert found.courses["offline"].work["answers"] == pytest.approx(2 * ratio / (3 * 8))
    assert found.courses["offline"].work["before"] == pytest.approx(ratio)
    assert found.courses["born_again"].work["answers"] == pytest.approx(2 / (3 * 8))


def test_questions_are_answered_by_the_material():
    questions = {question.name: question for question in LESSONS["modes"].questions}
    material = sample_material()
    assert questions["two"].is_right(2, material)
    assert not questions["two"].is_right(1, material)
    assert questions["fixed"].is_right("offline", material)
    assert questions["two"].numbers(material)["ratio"] == 76.7


def test_a_refused_way_says_why():
    material = sample_material()
    found = material.made["modes"]
    why = {"id": "error.exits_no_stages", "params": {"model": "x"}}
    courses = {**found.courses, "exits": Course({}, {}, why)}
    changed = replace(material, made={"modes": replace(found, courses=courses)})
    shown = show(changed, {"way": "exits", "over": 50})
    assert not shown.pictures
    assert shown.facts[0].params["why"].id == "error.exits_no_stages"
