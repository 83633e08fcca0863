import pytest

from kd_core.figures.lesson_work import PARTS, work_figure, work_info
from tests.helpers_sample import say

WORKS = {"alone": {"student": 1.0}, "mutual": {"student": 1.0, "beside": 1.0}}


def test_bars_are_the_parts_of_each_mode_in_order():
    info = work_info(WORKS, "mutual")
    assert [bar.parts for bar in info.bars] == [(1, 0, 0, 0), (1, 1, 0, 0)]
    assert [bar.total for bar in info.bars] == [1, 2]


def test_the_figure_stacks_the_parts_and_says_the_totals():
    drawn = work_figure(work_info(WORKS, "mutual"), say)
    assert len(drawn.data) == len(PARTS)
    assert list(drawn.data[1].x) == [1, 0]  # the first mode is on top
    assert [note.text for note in drawn.layout.annotations] == ["2×", "1×"]
    assert drawn.data[0].y[0].startswith("<b>")
    assert drawn == work_figure(work_info(WORKS, "mutual"), say)
    assert drawn.layout.xaxis.range[1] == pytest.approx(2 * 1.18)
