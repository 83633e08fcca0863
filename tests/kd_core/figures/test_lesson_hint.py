from kd_core.figures.lesson_hint import falling_figure, falling_info
from tests.helpers_sample import say

INFO = falling_info(["layer3", "layer4"], [(3.0, 2.5), (1.0, 1.5), (0.5, 1.25)], 1, 2, 2.0)


def test_one_curve_a_stage_and_a_mark_at_the_chosen_epoch():
    drawn = falling_figure(INFO, say)
    first, second, average, mark = drawn.data
    assert list(first.y) == [3.0, 1.0, 0.5]
    assert list(second.y) == [2.5, 1.5, 1.25]
    assert second.line.width > first.line.width
    assert set(average.y) == {2.0}
    assert (list(mark.x), list(mark.y), list(mark.text)) == ([2], [1.25], ["1.25"])
    assert drawn.layout.yaxis.range[1] > 3.0
    assert drawn == falling_figure(INFO, say)
