import numpy as np
import pytest

from kd_core.evaluate.curves import precision_recall_of
from kd_core.figures.precision_recall import precision_recall_figure, precision_recall_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_statistics import two_classes

say = load_catalogue(ROOT / "app" / "locale").render
TRUTH = np.arange(20) % 4 == 0
CURVE = precision_recall_of(two_classes(np.linspace(0.1, 0.9, 20), TRUTH))[0]


def test_the_prevalence_is_drawn_in() -> None:
    info = precision_recall_info({"student": CURVE, "teacher": CURVE})
    guess, student, teacher = precision_recall_figure(info, say).data
    assert guess.y == pytest.approx((0.25, 0.25))
    assert guess.name == "a guess: prevalence 25.0 %"
    assert student.line.shape == "vh"
    assert student.line.color != teacher.line.color
    assert "average precision" in student.text[0]
    assert info == precision_recall_info({"student": CURVE, "teacher": CURVE})


def test_without_positives_or_models_nothing_is_drawn_but_the_axes() -> None:
    none = precision_recall_of(two_classes([0.2, 0.4], [0, 0]))[0]
    assert precision_recall_figure(precision_recall_info({"m": none}), say).data[1].x == ()
    assert precision_recall_figure(precision_recall_info({}), say, dark=True).data == ()
