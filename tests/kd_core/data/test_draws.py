import numpy as np
from scipy import stats

from kd_core.data.draws import Draws

INDEX = np.arange(20_000)


def test_numbers_are_uniform_and_not_related():
    draws = Draws(0, INDEX, 0)
    first, second = draws.uniform(), draws.uniform()
    next_view, next_seed = Draws(0, INDEX, 1).uniform(), Draws(1, INDEX, 0).uniform()
    assert stats.kstest(first, "uniform").pvalue > 0.001
    for other in (second, next_view, next_seed, np.roll(first, 1)):
        # Two numbers a pair, in a grid of 8 × 8 cells that should be equally full.
        cells, _, _ = np.histogram2d(first, other, bins=8, range=[[0, 1], [0, 1]])
        assert stats.chisquare(cells.ravel()).pvalue > 0.001


def test_a_number_belongs_to_its_image_and_view():
    whole = Draws(5, INDEX, 9)
    some = Draws(5, INDEX[[30, 4]], np.array([9, 9]))
    for _ in range(3):
        assert (whole.uniform()[[30, 4]] == some.uniform()).all()


def test_the_stream_never_changes():
    # Written down when it was made: stored teacher outputs depend on it.
    first = [0.1296456182997474, 0.8193382636014529]
    assert Draws(0, np.array([0, 1]), 0).uniform().tolist() == first


def test_derived_numbers():
    draws = Draws(0, INDEX, 0)
    assert set(draws.sign()) == {-1, 1}
    assert set(draws.below(4)) == {0, 1, 2, 3}
    values = draws.uniform(-2, 3)
    assert -2 <= values.min() < -1.99
    assert 2.99 < values.max() < 3
    assert len(draws) == len(INDEX)
