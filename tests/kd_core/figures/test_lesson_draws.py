import numpy as np
import pytest

from kd_core.figures.lesson_draws import (
    BINS,
    SHOWN,
    draws_figure,
    draws_info,
    gaps_figure,
    gaps_info,
)
from tests.helpers_sample import say

RNG = np.random.default_rng(1)
NAMES = ("one", "two")
SEEN = (0.9, 0.89)
DRAWN = 0.9 + RNG.normal(0, 0.01, (2, 200))


def test_draws_so_far_begin_with_what_was_seen():
    info = draws_info(NAMES, SEEN, DRAWN, 3)
    assert info.numbers == (0, 1, 2, 3)
    assert info.scores[0] == (0.9, *DRAWN[0, :3])
    assert info.flipped == (False, *(DRAWN[0, :3] < DRAWN[1, :3]))
    made = draws_figure(info, say)
    assert made.data[1].y == info.scores[1]
    assert len(made.data[2].x) == sum(info.flipped)
    assert made.layout.xaxis.ticktext[0] == "as seen"


def test_only_the_latest_draws_are_shown_and_the_axis_stays():
    info = draws_info(NAMES, SEEN, DRAWN, 150)
    assert info.numbers == (0, *range(151 - SHOWN, 151))
    early = draws_figure(draws_info(NAMES, SEEN, DRAWN, 0), say, dark=True)
    assert draws_figure(info, say).layout.yaxis.range == early.layout.yaxis.range


def test_gaps_are_counted_on_the_side_of_who_is_ahead():
    info = gaps_info(NAMES, SEEN, DRAWN, 2)
    assert sum(info.counts) == 200
    assert info.edges[BINS // 2] == 0
    behind = (DRAWN[0] < DRAWN[1]).sum()
    assert sum(info.counts[: BINS // 2]) == behind
    assert info.seen == pytest.approx(1.0)
    assert info.now == pytest.approx(100 * (DRAWN[0, 1] - DRAWN[1, 1]))
    made = gaps_figure(info, say)
    ahead, other = made.data[:2]
    assert sum(ahead.y) == 200 - behind
    assert sum(other.y) == behind
    assert made.data[2].x == pytest.approx((1.0, 1.0))


def test_two_equal_models_and_no_draw_yet():
    same = np.full((2, 200), 0.5)
    info = gaps_info(NAMES, (0.5, 0.5), same, 0)
    assert info.now is None
    assert len(gaps_figure(info, say, dark=True).data) == 3
