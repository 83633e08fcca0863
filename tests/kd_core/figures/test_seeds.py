import math
from pathlib import Path

import pytest

from kd_core.figures.seeds import SeedValue, seeds_figure, seeds_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render
VALUES = [
    SeedValue("teacher", "teacher", 0, 0.95),
    *(SeedValue("baseline", "baseline", s, 0.90 + s / 100) for s in (0, 1, 2)),
    *(SeedValue("distilled", "student", s, 0.92 + s / 100) for s in (2, 0, 1)),
]


def test_values_stand_by_seed_and_arm() -> None:
    info = seeds_info(VALUES, "accuracy")
    assert info.arms == ("teacher", "baseline", "distilled")
    assert info.seeds == (0, 1, 2)
    assert info.values[2][1:] == pytest.approx((0.92, 0.94))
    assert math.isnan(info.values[1][0])
    assert info.spread[1].mean == pytest.approx(0.91)
    assert info.spread[1].sd == pytest.approx(0.01)
    assert info.spread[0].n == 1


def test_seeds_are_joined_and_means_drawn() -> None:
    info = seeds_info(VALUES, "accuracy")
    figure = seeds_figure(info, say)
    joined = [t for t in figure.data if t.mode == "lines" and len(t.x) == 3]
    means = [t for t in figure.data if t.mode == "lines" and len(t.x) == 2]
    dots = [t for t in figure.data if t.mode == "markers"]
    assert len(joined) == len(means) == len(dots) == 3
    assert means[2].y == pytest.approx((0.93, 0.93))
    assert dots[2].y == pytest.approx((0.92, 0.93, 0.94))
    assert "mean over 3 seeds 0.930, sd over seeds 0.010" in dots[2].text[0]
    assert figure.layout.xaxis.ticktext == ("Teacher", "Student alone", "distilled")
    assert figure.layout.yaxis.range[0] < 0.90 < 0.95 < figure.layout.yaxis.range[1]


def test_an_undefined_value_is_no_dot() -> None:
    info = seeds_info([*VALUES, SeedValue("hint", "student", 0, math.nan)], "accuracy")
    assert math.isnan(info.spread[3].mean)
    assert len(seeds_figure(info, say, dark=True).data) == 3 + 2 * 4
    assert seeds_figure(seeds_info([], "accuracy"), say).data == ()
