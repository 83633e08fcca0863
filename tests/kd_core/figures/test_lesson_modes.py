import pytest

from kd_core.figures.lesson_modes import (
    DIAGRAMS,
    LABELS,
    Now,
    modes_figure,
    modes_info,
    moments,
    now,
)
from tests.helpers_sample import say

CURVES = {
    "offline": {"teacher": [0.2, 0.6, 0.9, 0.8], "student": [0.3, 0.5]},
    "mutual": {"student": [0.2, 0.5], "peer-1": [0.3, 0.4]},
    "exits": {"student": [0.5, 0.7], "exit-1": [0.3, 0.4], "exit-2": [0.4, None]},
    "born_again": {"earlier": [0.2, 0.6], "student": [0.3, 0.7]},
}


def info(mode, share=0.5, curves=None):
    known = CURVES[mode] if curves is None else curves
    return modes_info(mode, known, [0.1, 0.4], share, "accuracy")


def test_what_is_taught_first_learns_in_the_first_phase():
    run = info("offline", 0.75)
    assert (run.phases, run.moment) == (2, 1.5)
    teacher, student = run.curves
    assert teacher.points() == [(0.25, 0.2), (0.5, 0.6), (0.75, 0.9), (1.0, 0.8)]
    assert student.points() == [(1.5, 0.3), (2.0, 0.5)]
    assert run.alone.points() == [(1.5, 0.1), (2.0, 0.4)]
    assert now(run, 1.5).heads == (("teacher", 1.0, 0.8), ("student", 1.5, 0.3))
    assert {name for name, _, _ in now(run, 0.5).dots} == {LABELS}
    assert {name for name, _, _ in now(run, 1.5).dots} == {LABELS, "teacher"}


def test_networks_that_learn_from_each_other_do_so_in_one_phase():
    run = info("mutual", 1.0)
    assert run.phases == 1
    assert [name for name, _, _ in now(run, 0.3).dots] == [LABELS, LABELS, "student", "peer-1"]
    assert now(run, 1.0).dots == ()


def test_an_epoch_without_a_value_is_left_out():
    assert info("exits").curves[2].points() == [(0.5, 0.4)]


@pytest.mark.parametrize("mode", DIAGRAMS)
def test_dots_run_between_the_boxes(mode):
    run = info(mode)
    for at in moments(run):
        for _, x, y in now(run, at).dots:
            assert 0 < x < 10
            assert 0 < y < 4


def test_a_teacher_that_nobody_saw_learn_is_there_all_the_same():
    run = info("offline", curves={"student": [0.3, 0.5]})
    assert {box.name for box in run.boxes} == {LABELS, "teacher", "student"}
    assert [curve.name for curve in run.curves] == ["student"]
    ticks = modes_figure(run, say).layout.xaxis.ticktext
    assert ticks[0] == "the teacher<br>learnt elsewhere"


@pytest.mark.parametrize("mode", DIAGRAMS)
def test_playing_begins_with_nothing_and_ends_with_the_last_values(mode):
    run = info(mode)
    drawn = modes_figure(run, say)
    pictures = drawn.layout.updatemenus[0].buttons[0].args[0]
    assert len(pictures) == len(moments(run))
    assert list(pictures[0]["data"][0]["y"]) == []
    last = [curve.points()[-1][1] for curve in run.curves]
    assert list(pictures[-1]["data"][0]["y"]) == last
    heads, dots = pictures[0]["traces"]
    assert drawn.data[heads].xaxis is None
    assert drawn.data[dots].xaxis == "x2"
    assert now(run, 0.0) != Now((), ())


def test_equal_records_give_equal_figures_and_dark_ones_differ():
    assert modes_figure(info("mutual"), say) == modes_figure(info("mutual"), say)
    light, dark = (modes_figure(info("mutual"), say, dark).to_json() for dark in (False, True))
    assert light != dark
