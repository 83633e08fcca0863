import numpy as np
import pytest

from kd_core.evaluate.decision_curve import decision_curve
from kd_core.figures.decision import decision_figure, decision_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT
from tests.helpers_statistics import two_classes

say = load_catalogue(ROOT / "app" / "locale").render
RNG = np.random.default_rng(0)
TRUTH = np.arange(120) % 3 == 0
ONE = two_classes(np.clip(0.3 + 0.4 * TRUTH + RNG.normal(0, 0.2, 120), 0.01, 0.99), TRUTH)


def test_the_model_stands_against_acting_on_all_and_on_none() -> None:
    curve = decision_curve(ONE)[0]
    info = decision_info({"student": curve})
    line, everybody, nobody = decision_figure(info, say).data
    assert line.y == pytest.approx(curve.net_benefit)
    assert everybody.y == pytest.approx(curve.treat_all)
    assert set(nobody.y) == {0.0}
    low, high = decision_figure(info, say).layout.yaxis.range
    assert low < 0 < 1 / 3 < high < 0.5
    assert decision_figure(info, say) == decision_figure(info, say)


def test_intervals_are_bands() -> None:
    curve = decision_curve(ONE, thresholds=[0.2, 0.4, 0.6], repeats=50)[0]
    band, line, *_ = decision_figure(decision_info({"student": curve}), say, dark=True).data
    assert band.x == (0.2, 0.4, 0.6, 0.6, 0.4, 0.2)
    assert band.y == pytest.approx((*curve.high, *reversed(curve.low)))
    assert "95 % interval" in line.text[0]


def test_no_model() -> None:
    assert decision_figure(decision_info({}), say).data == ()
