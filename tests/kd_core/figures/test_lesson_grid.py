import numpy as np

from kd_core.figures.lesson_grid import BINS, MOST_LINES, grid_figure, grid_info
from tests.helpers_sample import say

WEIGHTS = np.random.default_rng(0).normal(size=500)
STEP = np.abs(WEIGHTS).max() / 3
GRID = np.arange(-3, 4) * STEP
ROUNDED = np.round(WEIGHTS / STEP) * STEP


def test_every_weight_is_counted_before_and_after():
    info = grid_info(WEIGHTS, ROUNDED, GRID, True)
    assert sum(info.before) == sum(info.after) == 500
    assert sum(n > 0 for n in info.after) == len(np.unique(ROUNDED))
    assert info.after[BINS // 2] == (ROUNDED == 0).sum()
    drawn = grid_figure(info, say)
    assert len(drawn.data) == 2
    assert [shape.x0 for shape in drawn.layout.shapes] == GRID.tolist()


def test_a_fine_grid_and_floats_have_no_lines():
    assert grid_info(WEIGHTS, ROUNDED, np.arange(MOST_LINES + 1.0), True).values == ()
    plain = grid_info(WEIGHTS, WEIGHTS, np.zeros(0), False)
    assert plain.after == ()
    assert len(grid_figure(plain, say, dark=True).data) == 1
