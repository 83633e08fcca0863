import math

import numpy as np

from kd_core.evaluate.curves import RocCurve, roc_of
from kd_core.evaluate.operating import Rule, fit_threshold
from kd_core.figures.roc import roc_figure, roc_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_statistics import two_classes

say = load_catalogue(ROOT / "app" / "locale").render
RNG = np.random.default_rng(0)
TRUTH = RNG.random(80) < 0.4
ONE, TWO = (two_classes(RNG.random(80) * 0.6 + gain * TRUTH, TRUTH) for gain in (0.3, 0.1))
CURVES = {"teacher": roc_of(ONE)[0], "student": roc_of(TWO)[0]}


def test_curves_and_the_point_that_is_in_use() -> None:
    point = fit_threshold(ONE, Rule())[0]
    info = roc_info(CURVES, {"teacher": point})
    assert info == roc_info(CURVES, {"teacher": point})
    assert info.label == "ill"
    chance, teacher, mark, student = roc_figure(info, say).data
    assert chance.x == chance.y == (0, 1)
    assert (mark.x[0], mark.y[0]) == (1 - point.specificity, point.sensitivity)
    gaps = np.hypot(np.array(teacher.x) - mark.x[0], np.array(teacher.y) - mark.y[0])
    assert gaps.min() < 1e-9
    assert teacher.line.dash != student.line.dash
    assert "area" in student.text[3]
    assert roc_figure(info, say) == roc_figure(info, say)


def test_a_model_without_a_curve_and_no_model_at_all() -> None:
    nothing = RocCurve("ill", (), (), (), math.nan)
    assert roc_figure(roc_info({"m": nothing}), say, dark=True).data[1].x == ()
    assert len(roc_figure(roc_info({}), say).data) == 1
