import pytest

from kd_core.figures.lesson_wrong import (
    Ceiling,
    Scored,
    amounts_figure,
    amounts_info,
    ceiling_figure,
)
from tests.helpers_sample import say

ROWS = {"measured": [0.5, 0.75, 1.0], "honest": [0.5, 0.5, 0.5]}


def test_the_chosen_amount_stands_out_in_every_line():
    info = amounts_info("leak", (0.0, 0.5, 1.0), ROWS, 1)
    drawn = amounts_figure(info, say)
    assert [list(trace.y) for trace in drawn.data] == [ROWS["measured"], ROWS["honest"]]
    for trace in drawn.data:
        assert max(trace.marker.size) == trace.marker.size[1]
    assert drawn.layout.shapes[0].x0 == 0.5
    assert drawn == amounts_figure(info, say)
    assert len({trace.marker.symbol for trace in drawn.data}) == 2


def test_intervals_end_where_the_record_says():
    models = (Scored("teacher", 0.98, 0.95, 0.99), Scored("student", 1.0, 0.97, 1.0))
    drawn = ceiling_figure(Ceiling(models, 120), say)
    first, second = drawn.data
    assert first.error_x.array[0] == pytest.approx(0.01)
    assert first.error_x.arrayminus[0] == pytest.approx(0.03)
    assert second.error_x.array[0] == 0
    assert drawn.layout.shapes[0].x0 == 1.0
    low, high = drawn.layout.xaxis.range
    assert low < 0.95 < 1.0 < high
