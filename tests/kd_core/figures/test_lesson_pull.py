from kd_core.figures.lesson_pull import pull_figure, pull_info
from tests.helpers_sample import say


def test_curves_labels_and_the_chosen_temperature():
    info = pull_info((1.0, 2.0, 4.0), [(0.4, 0.4), (0.5, 0.125), (0.6, 0.0375)], 0.3, 2.0)
    assert info.with_square == (0.4, 0.5, 0.6)
    assert info.without == (0.4, 0.125, 0.0375)
    made = pull_figure(info, say)
    with_square, without, labels = made.data
    assert with_square.y == info.with_square
    assert without.y == info.without
    assert labels.y == (0.3, 0.3)
    assert with_square.marker.size == (5, 13, 5)
    assert made.layout.shapes[0].x0 == 2.0
    assert made.layout.xaxis.type == "log"
    assert made.layout.yaxis.range[1] > 0.6
    assert "0.5" in made.layout.xaxis.ticktext


def test_equal_models_pull_at_nothing():
    info = pull_info((1.0, 2.0), [(0.0, 0.0), (0.0, 0.0)], 0.0, 1.0)
    assert pull_figure(info, say, dark=True).layout.yaxis.range == (0, 1.0)
