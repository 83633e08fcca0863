import numpy as np

from kd_core.figures.lesson_softened import MOST_CLASSES, softened_figure, softened_info
from tests.helpers_sample import say


def info_of(k=3, right=1):
    logits = np.linspace(2, -1, k), np.linspace(1, 0, k)
    soft = np.full(k, 1 / k), np.full(k, 1 / k)
    names = [f"class {i}" for i in range(k)]
    return softened_info(names, right, 4.0, logits, np.full(k, 1 / k), soft)


def test_bars_stand_where_their_class_is_and_hold_the_numbers():
    info = info_of()
    made = softened_figure(info, say)
    logits, student_logits, teacher, student, plain = made.data
    assert logits.x == info.logits[0]
    assert student_logits.x == info.logits[1]
    assert (teacher.x, student.x, plain.x) == (info.teacher, info.student, info.plain)
    assert (logits.xaxis, teacher.xaxis) == ("x", "x2")
    assert made.layout.yaxis.ticktext[1] == "class 1 ✓"
    assert made.layout.xaxis2.range == (0, 1.04)
    assert made == softened_figure(info, say)


def test_of_many_classes_the_right_one_is_always_drawn():
    info = info_of(k=40, right=33)
    assert len(info.classes) == MOST_CLASSES
    assert info.classes[info.right] == "class 33"
    assert softened_figure(info, say, dark=True).layout.height < 900
