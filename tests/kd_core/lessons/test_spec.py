"""Values, lines and right answers of a lesson, without any study."""

from types import SimpleNamespace

import pytest

from kd_core.lessons.spec import LessonSpec, Question, Shown
from kd_core.registry import Param
from kd_core.text import Msg

NOTHING = SimpleNamespace(data=SimpleNamespace(task="classification"), made={"maps": 1})


def lesson(**more):
    return LessonSpec(show=lambda m, v: Shown(), questions=(), **{"code": "", **more})


def test_a_value_that_is_not_legal_becomes_the_usual_one():
    spec = lesson(
        params=(Param("T", "float", 4.0, low=1, high=20), Param("image", "choice", "7")),
        options={"image": lambda m: [("3", Msg("a")), ("7", Msg("b"))]},
    )
    assert spec.values(NOTHING) == {"T": 4.0, "image": "7"}
    assert spec.values(NOTHING, {"T": 2, "image": "3"}) == {"T": 2.0, "image": "3"}
    assert spec.values(NOTHING, {"T": 99, "image": "4"}) == {"T": 4.0, "image": "7"}


def test_a_default_that_the_study_does_not_have_becomes_its_first_choice():
    spec = lesson(
        params=(Param("image", "choice", ""),), options={"image": lambda m: [("3", Msg("a"))]}
    )
    assert spec.values(NOTHING) == {"image": "3"}


def test_lines_hold_the_values_and_the_study():
    spec = lesson(code='\nprint({T}, {kind}, {study}, f"{other}")\n')
    text = spec.lines({"T": 2.0, "kind": "a"}, "s1")
    assert text == "print(2.0, 'a', 's1', f\"{other}\")"


def test_a_lesson_fits_where_task_and_material_are_there():
    assert lesson(needs=("maps",)).fits(NOTHING)
    assert not lesson(needs=("other",)).fits(NOTHING)
    assert not lesson(tasks=("multilabel",)).fits(NOTHING)


@pytest.mark.parametrize(
    ("given", "right"), [(100.0, True), (104.9, True), (105.2, False), (float("nan"), False)]
)
def test_a_number_is_right_within_its_share(given, right):
    question = Question("n", "number", lambda m: 100.0, share=0.05)
    assert question.is_right(given, NOTHING) is right


def test_an_exact_number_and_a_choice():
    assert Question("n", "number", lambda m: 9).is_right(9.0, NOTHING)
    assert not Question("n", "number", lambda m: 9).is_right(8.99, NOTHING)
    assert Question("n", "choice", lambda m: "a", ("a", "b")).is_right("a", NOTHING)
