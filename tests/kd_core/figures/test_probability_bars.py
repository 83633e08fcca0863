import itertools
from pathlib import Path

import pytest

from kd_core.figures.probability_bars import (
    MOST_CLASSES,
    Answered,
    probability_bars_figure,
    probability_bars_info,
)
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render


def test_bars_are_the_calibrated_values_and_marks_the_raw_ones() -> None:
    info = probability_bars_info(
        ["healthy", "ring"], [Answered("teacher", (0.9, 0.1), calibrated=(0.7, 0.3))]
    )
    figure = probability_bars_figure(info, say)
    bars, raw = figure.data
    assert list(bars.x) == [0.7, 0.3]
    assert list(raw.x) == [0.9, 0.1]
    assert "raw: 10.0 %" in bars.text[1]
    assert figure == probability_bars_figure(info, say)


def test_thresholds_are_drawn_for_labels_only() -> None:
    with_limits = Answered("a", (0.2, 0.8), thresholds=(0.5, 0.4))
    drawn = probability_bars_figure(probability_bars_info(["x", "y"], [with_limits]), say)
    plain = Answered("a", (0.2, 0.8))
    without = probability_bars_figure(probability_bars_info(["x", "y"], [plain]), say)
    assert list(drawn.data[1].x) == [0.5, 0.4]
    assert len(without.data) == 1


def test_of_many_classes_the_likeliest_of_any_model_stay() -> None:
    k = MOST_CLASSES + 5
    first = Answered("a", (0.9, *[0.1 / (k - 1)] * (k - 1)))
    second = Answered("b", (*[0.1 / (k - 1)] * (k - 1), 0.9))
    info = probability_bars_info([f"c{i}" for i in range(k)], [first, second])
    assert info.left_out == 5
    assert {"c0", f"c{k - 1}"} <= set(info.classes)
    assert info.models[0].raw[0] == 0.9


@pytest.mark.parametrize("models", [1, 4])
def test_bars_of_one_class_do_not_cover_each_other(models) -> None:
    answered = [Answered(f"m{i}", (0.5, 0.5)) for i in range(models)]
    figure = probability_bars_figure(probability_bars_info(["a", "b"], answered), say, dark=True)
    places = sorted(trace.y[0] for trace in figure.data)
    assert all(b - a >= figure.data[0].width for a, b in itertools.pairwise(places))
    assert figure.layout.height < 500
