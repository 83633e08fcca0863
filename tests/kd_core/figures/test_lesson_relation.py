import numpy as np

from kd_core.figures.lesson_relation import alike_figure, alike_info
from tests.helpers_sample import say

TEACHER = np.array([[1.0, 0.9, 0.1], [0.9, 1.0, 0.2], [0.1, 0.2, 1.0]])
STUDENT = np.array([[1.0, 0.5, 0.4], [0.5, 1.0, 0.2], [0.4, 0.2, 1.0]])
INFO = alike_info(["ring", "ring", "healthy"], TEACHER, STUDENT, (0, 1, 2))


def test_three_squares_with_one_scale_for_both_models():
    teacher, student, difference = alike_figure(INFO, say).data
    np.testing.assert_array_equal(teacher.z, TEACHER)
    np.testing.assert_allclose(difference.z, STUDENT - TEACHER)
    assert (teacher.zmin, teacher.zmax) == (student.zmin, student.zmax) == (0.1, 1.0)
    assert difference.zmax == -difference.zmin == np.abs(STUDENT - TEACHER).max()
    assert student.customdata[0][2] == "ring and healthy"


def test_classes_are_framed_and_the_chosen_images_named():
    drawn = alike_figure(INFO, say, dark=True)
    assert list(drawn.layout.xaxis2.ticktext) == ["A", "B", "C"]
    assert list(drawn.layout.yaxis.ticktext) == ["ring", "healthy"]
    assert list(drawn.layout.yaxis.tickvals) == [0.5, 2.0]
    assert len(drawn.layout.shapes) == 3 * 2
