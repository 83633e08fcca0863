import numpy as np
import pytest
from scipy.stats import entropy

from kd_core.figures.lesson_direction import MOST_CLASSES, direction_figure, direction_info
from tests.helpers_sample import say

P, Q = np.array([0.7, 0.2, 0.1]), np.array([0.5, 0.4, 0.1])


def test_contributions_add_up_to_both_divergences():
    info = direction_info(["a", "b", "c"], P, Q, 2.0)
    assert info.sums == pytest.approx((entropy(P, Q), entropy(Q, P)))
    assert sum(info.forward) == pytest.approx(0.0969, abs=5e-5)
    made = direction_figure(info, say)
    assert made.data[0].x == info.forward
    assert made.data[1].x == info.reverse
    assert made.data[0].name == "KL(teacher ‖ student) = 0.0969"
    low, high = made.layout.xaxis.range
    assert low < min(info.forward) < 0 < max(info.forward) < high


def test_of_many_classes_those_that_matter_are_drawn():
    p = np.full(50, 0.01)
    p[40] = 0.51
    q = np.full(50, 0.02)
    info = direction_info([str(i) for i in range(50)], p, q, 1.0)
    assert len(info.classes) == MOST_CLASSES
    assert "40" in info.classes
    assert info.sums[0] == pytest.approx(entropy(p, q))
    assert direction_figure(info, say, dark=True).layout.height < 900
