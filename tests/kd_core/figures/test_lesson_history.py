"""A staircase of papers."""

from kd_core.figures.lesson_history import Step, staircase_figure, staircase_info
from tests.helpers_app import TEXTS

STEPS = [
    Step("late", 2019.0, "relations", "C"),
    Step("early", 2006.5, "answers", "A"),
    Step("middle", 2015.2, "answers", "B"),
]


def test_they_are_in_the_order_of_time():
    info = staircase_info(STEPS, ("answers", "relations"), 2025, 0)
    assert [step.name for step in info.steps] == ["early", "middle", "late"]
    assert info.chosen == 2


def test_later_ones_are_left_blank_and_nothing_jumps():
    def made(until):
        info = staircase_info(STEPS, ("answers", "relations"), until, 0)
        return staircase_figure(info, TEXTS.render)

    all_of_them, some = made(2025), made(2016)
    assert [list(t.x) for t in all_of_them.data[1:]] == [[2006.5, 2015.2], [2019.0]]
    assert [list(t.x) for t in some.data[1:]] == [[2006.5, 2015.2], []]
    assert all_of_them.layout.xaxis.range == some.layout.xaxis.range
    assert all_of_them.layout.height == some.layout.height


def test_the_chosen_one_is_marked_and_names_stay_inside():
    info = staircase_info(STEPS, ("answers", "relations"), 2025, 1)
    made = staircase_figure(info, TEXTS.render, dark=True)
    answers = made.data[1]
    assert answers.marker.size[0] > answers.marker.size[1]
    assert list(answers.textposition) == ["middle right", "middle left"]
    assert made.data[2].customdata[0] == "C"
