import math

import numpy as np
import pytest
from scipy import stats

from kd_core.evaluate.pareto import front_of_two, over_seeds, pareto, sd_interval


def test_the_front_is_what_nobody_beats() -> None:
    rng = np.random.default_rng(0)
    points = np.round(rng.random((60, 3)), 1)  # rounded, so that some are equal
    higher = (True, False, True)
    signed = points * [1, -1, 1]
    beaten = [any((a >= b).all() and (a > b).any() for a in signed) for b in signed]
    assert pareto(points, higher) == [not b for b in beaten]


def test_equal_points_stand_side_by_side() -> None:
    assert pareto([(1, 1), (1, 1), (0, 1)], (True, True)) == [True, True, False]


def test_what_is_not_known_is_not_on_the_front_and_beats_nobody() -> None:
    assert pareto([(math.nan, 1), (0.5, 2), (0.4, 2)], (True, False)) == [False, True, False]
    assert pareto([], (True, False)) == []


def test_seeds_are_summarised_with_students_interval() -> None:
    values = [0.91, 0.93, 0.95]
    spread = over_seeds(values)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (spread.low, spread.high) == pytest.approx((theirs.low, theirs.high))
    assert (spread.mean, spread.sd, spread.n) == pytest.approx((0.93, 0.02, 3))


def test_one_seed_has_no_spread_and_a_missing_value_is_not_left_out() -> None:
    one = over_seeds([0.9])
    assert (one.mean, one.n) == (0.9, 1)
    assert math.isnan(one.sd)
    assert math.isnan(one.low)
    assert math.isnan(over_seeds([0.9, math.nan]).mean)
    assert math.isnan(over_seeds([]).mean)


def test_the_quick_front_is_the_same() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        value, cost = (rng.integers(0, 6, 30).astype(float) for _ in range(2))  # many are equal
        slow = pareto(list(zip(value, cost, strict=True)), (True, False))
        assert front_of_two(value, cost).tolist() == slow
    assert front_of_two(np.array([]), np.array([])).tolist() == []


def test_the_sd_over_seeds_has_an_interval_of_its_own() -> None:
    rng, held = np.random.default_rng(0), 0
    for _ in range(400):
        low, high = sd_interval(rng.normal(0, 2.0, 3))
        held += low <= 2.0 <= high
    assert abs(held / 400 - 0.95) < 3 * math.sqrt(0.05 * 0.95 / 400)
    assert all(map(math.isnan, sd_interval([1.0])))
    spread = over_seeds([1.0, 2.0, 4.0])
    assert spread.sd_low < spread.sd < spread.sd_high
