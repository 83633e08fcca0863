import pytest

from kd_core.figures.lesson_diagram import DIAGRAMS, LABELS, Now, moments, now
from kd_core.figures.lesson_modes import modes_figure
from tests.helpers_sample import say
from tests.kd_core.figures.test_lesson_diagram import info


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
