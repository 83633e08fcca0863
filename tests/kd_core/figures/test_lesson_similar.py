import numpy as np
import pytest

from kd_core.figures.lesson_similar import similar_figure, similar_info
from tests.helpers_sample import say

SOFT = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7]])


def test_wrong_classes_are_coloured_and_right_ones_are_not():
    info = similar_info(["a", "b", "c"], SOFT, np.array([0, 0, 2]), 2, 4.0)
    np.testing.assert_allclose(info.shares[0], [0.6, 0.3, 0.1])
    assert np.isnan(info.shares[1]).all()  # no image of it
    wrong, right, *written = similar_figure(info, say).data
    assert [list(words.text) for words in written] == [
        ["30.0%", "10.0%", "10.0%", "20.0%"],
        ["60.0%", "70.0%"],
    ]
    assert wrong.zmax == pytest.approx(1 / 3)
    assert wrong.z[0] == [None, 0.3, 0.1]
    assert right.z[0] == [0.6, None, None]
    assert wrong.z[1] == [None, None, None]
    assert "true: a<br>thought of: b<br>30.0 %" in wrong.customdata[0][1]


def test_the_chosen_class_has_a_frame():
    info = similar_info(["a", "b", "c"], SOFT, np.array([0, 1, 2]), 2, 4.0)
    (frame,) = similar_figure(info, say, dark=True).layout.shapes
    assert (frame.y0, frame.y1) == (1.5, 2.5)


def test_many_classes_have_no_numbers():
    k = 30
    info = similar_info(list(map(str, range(k))), np.eye(k), np.arange(k), 0, 1.0)
    made = similar_figure(info, say)
    assert len(made.data) == 2
    assert made.layout.height <= 900
