import math

import pytest

from kd_core.figures.lesson_budget import budget_figure, budget_info
from kd_core.figures.trade_off import ModelPoint
from tests.helpers_sample import say

POINTS = [
    ModelPoint("teacher-s0", "teacher", "teacher", 0, 0.97, 0.95, 0.98, latency_ms=20.0),
    ModelPoint("d-s0", "d", "student", 0, 0.9, 0.8, 0.95, latency_ms=1.0),
    ModelPoint("d-s1", "d", "student", 1, 0.89, 0.8, 0.95, latency_ms=1.0),
]
BANDS = [(10.0, 40.0), (0.5, 2.0), (1.0, 1.0)]


def test_the_budget_lies_in_the_plot_with_rings_and_bands():
    info = budget_info(POINTS, BANDS, "accuracy", 4.0, "d", ["d"])
    made = budget_figure(info, say)
    veil, line = made.layout.shapes
    assert (line.x0, line.x1) == pytest.approx((4.0, 4.0))
    assert veil.x0 == pytest.approx(4.0)
    assert veil.x1 > 20
    bands, rings = made.data[-2:]
    assert bands.x == (20.0, 1.0)  # a measured time has no band
    assert bands.error_x.array == (20.0, 1.0)
    assert bands.error_x.arrayminus == (10.0, 0.5)
    assert rings.y == (0.9, 0.89)
    low, high = (10**end for end in made.layout.xaxis.range)
    assert low < 0.5
    assert 40 < high < 60
    assert "budget 4.00 ms" in made.layout.annotations[-1].text


@pytest.mark.parametrize("limit", [0.001, 1e5])
def test_a_limit_off_the_plot_stands_at_its_edge(limit):
    info = budget_info(POINTS, BANDS, "accuracy", limit, "", [])
    made = budget_figure(info, say, dark=True)
    low, high = (10**end for end in made.layout.xaxis.range)
    assert low * 0.999 <= made.layout.shapes[1].x0 <= high * 1.001
    assert made.data[-1].x == ()


def test_models_without_a_time_are_left_out_with_their_bands():
    bare = ModelPoint("x", "x", "student", 0, 0.9, 0.8, 0.95)
    info = budget_info([bare, *POINTS], [(math.nan, math.nan), *BANDS], "accuracy", 4.0, "", [])
    assert info.bands == tuple(BANDS)
