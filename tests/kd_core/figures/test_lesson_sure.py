import numpy as np
import pytest

from kd_core.figures.lesson_sure import BINS, sure_figure, sure_info
from tests.helpers_sample import say


def test_shares_are_those_of_numpy_and_the_image_is_marked():
    values = np.random.default_rng(0).random(200)
    info = sure_info({"teacher": values, "student": values**2}, 5, 2.0)
    counts, _ = np.histogram(values, np.linspace(0, 1, BINS + 1))
    np.testing.assert_allclose(info.models[0].shares, counts / 200)
    made = sure_figure(info, say)
    assert made.data[1].x == (values[5],)
    assert made.data[3].x == (pytest.approx(values[5] ** 2),)
    assert made.data[0].y[:-1] == info.models[0].shares
    top = made.layout.yaxis.range[1]
    assert max(info.models[1].shares) < made.data[1].y[0] < top < 1


def test_a_certain_answer_lies_in_the_last_bin():
    info = sure_info({"teacher": np.array([1.0, 0.0])}, 0, 1.0)
    assert info.models[0].shares[0] == info.models[0].shares[-1] == 0.5
    assert sure_figure(info, say, dark=True).layout.height == 380
