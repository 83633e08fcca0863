import math
from pathlib import Path

import pytest

from kd_core.figures.look import ROLE_COLOURS, STUDENT_COLOURS
from kd_core.figures.per_class import MAX_CLASSES, Bar, class_bars_figure, class_bars_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render
SCORES = {
    "teacher-s0": [Bar(0.95, 0.9, 0.97), Bar(0.8, 0.7, 0.9)],
    "distilled-s0": [Bar(0.9, 0.85, 0.94), Bar(math.nan, math.nan, math.nan)],
}
ROLES = {"teacher-s0": "teacher", "distilled-s0": "student"}


def test_models_stand_side_by_side_in_each_class() -> None:
    info = class_bars_info("sensitivity", ("ring", "healthy"), SCORES, ROLES)
    figure = class_bars_figure(info, say)
    teacher, student = figure.data
    assert teacher.x[0] < 0 < student.x[0] < 0.5 < teacher.x[1] < 1 < student.x[1]
    assert teacher.error_y.array == pytest.approx((0.02, 0.1))
    assert teacher.error_y.arrayminus == pytest.approx((0.05, 0.1))
    assert student.error_y.array[1] == 0
    assert teacher.marker.color == ROLE_COLOURS["teacher"]
    assert student.marker.color == STUDENT_COLOURS[0]
    assert teacher.marker.symbol != student.marker.symbol
    assert "ring: 0.950 (95 % interval 0.900 to 0.970)" in teacher.text[0]


def test_the_range_holds_the_lowest_interval() -> None:
    info = class_bars_info("sensitivity", ("ring", "healthy"), SCORES)
    low, high = class_bars_figure(info, say).layout.yaxis.range
    assert 0.6 < low < 0.7
    assert high > 1
    assert class_bars_figure(info, say) == class_bars_figure(info, say)


def test_many_classes_are_cut_and_counted() -> None:
    names = [f"class {i}" for i in range(MAX_CLASSES + 2)]
    info = class_bars_info("auc", names, {"m": [Bar(0.5, 0.4, 0.6)] * len(names)})
    assert len(info.classes) == len(info.bars[0]) == MAX_CLASSES
    assert info.left_out == 2


def test_without_models_there_is_nothing_to_draw() -> None:
    assert class_bars_figure(class_bars_info("auc", ("a",), {}), say, dark=True).data == ()
