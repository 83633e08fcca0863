from kd_core.figures.lesson_cuts import cuts_figure, cuts_info
from tests.helpers_sample import say


def test_three_curves_and_a_line_at_the_chosen_share():
    info = cuts_info((0.0, 0.5, 0.9), (0.9, 0.6, 0.2), (0.9, 0.8, 0.3), (200, 80, 10), 1)
    drawn = cuts_figure(info, say)
    assert [list(trace.y) for trace in drawn.data] == [
        [0.9, 0.6, 0.2],
        [0.9, 0.8, 0.3],
        [1.0, 0.4, 0.05],
    ]
    (line,) = drawn.layout.shapes
    assert line.x0 == line.x1 == 0.5
    assert max(drawn.data[0].marker.size) == drawn.data[0].marker.size[1]


def test_what_was_not_done_is_not_drawn():
    info = cuts_info((0.0, 0.5), (0.9, 0.6), (), (200, 80), 0)
    assert [name for name, _ in info.curves] == ["cut", "macs"]
    assert len(cuts_figure(info, say, dark=True).data) == 2
