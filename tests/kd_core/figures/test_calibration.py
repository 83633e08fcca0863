from pathlib import Path

import numpy as np

from kd_core.evaluate.calibration import Reliability
from kd_core.figures.calibration import reliability_figure, reliability_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render
BINS = Reliability(np.array([0.55, 0.95]), np.array([0.5, 0.9]), np.array([20, 80]))


def test_bins_are_kept_as_they_are() -> None:
    info = reliability_info({"student": BINS})
    assert info.models[0].confidence == (0.55, 0.95)
    assert info.models[0].count == (20, 80)
    assert info == reliability_info({"student": BINS})


def test_perfect_is_the_diagonal_and_larger_bins_are_larger_marks() -> None:
    info = reliability_info({"student": BINS, "teacher": BINS})
    figure = reliability_figure(info, say)
    diagonal, first, second = figure.data
    assert diagonal.x == diagonal.y == (0, 1)
    assert first.marker.size[0] < first.marker.size[1]
    assert first.marker.symbol != second.marker.symbol
    assert "80 answers" in first.text[1]
    assert figure == reliability_figure(info, say)


def test_a_model_without_images() -> None:
    none = Reliability(np.array([]), np.array([]), np.array([], int))
    assert reliability_figure(reliability_info({"m": none}), say, dark=True).data[1].x == ()


def test_intervals_are_drawn_where_there_are_any() -> None:
    ends = np.array([0.3, 0.85]), np.array([0.7, 0.95])
    held = Reliability(BINS.confidence, BINS.accuracy, BINS.count, *ends)
    bars = reliability_figure(reliability_info({"student": held}), say).data[1].error_y
    np.testing.assert_allclose(bars.array, (0.2, 0.05))
    np.testing.assert_allclose(bars.arrayminus, (0.2, 0.05))
    assert reliability_figure(reliability_info({"m": BINS}), say).data[1].error_y.array is None
