"""Teacher and student side by side."""

import math

import pytest

from kd_core.figures.lesson_small import Side, sides_figure, sides_info
from tests.helpers_app import TEXTS

SIDES = [
    Side("score", 0.9, 0.8, (0.85, 0.95), (0.7, 0.85)),
    Side("size", 8e6, 2e6),
    Side("work", 40.0, 10.0),
    Side("time", 4.0, math.nan),
]


def test_what_one_of_them_lacks_is_left_out():
    assert [side.name for side in sides_info(SIDES).sides] == ["score", "size", "work"]


@pytest.mark.parametrize("dark", [False, True])
def test_bars_and_whiskers_are_the_values(dark):
    made = sides_figure(sides_info(SIDES), TEXTS.render, dark)
    bars, figures = made.data[::2], made.data[1::2]
    assert [list(bar.x) for bar in bars] == [[0.9, 0.8], [8e6, 2e6], [40.0, 10.0]]
    assert bars[0].error_x.array == pytest.approx((0.05, 0.05))
    assert bars[0].error_x.arrayminus == pytest.approx((0.05, 0.1))
    assert not bars[1].error_x.visible
    assert figures[1].text[0].strip() == "8.00 MB"
    assert list(figures[0].x) == [0.95, 0.85]  # past the whiskers
    assert all(made.layout[f"xaxis{n}"].range[0] == 0 for n in ("", "2", "3"))


def test_equal_records_give_equal_figures():
    one, other = (sides_figure(sides_info(SIDES), TEXTS.render) for _ in range(2))
    assert one.to_json() == other.to_json()
