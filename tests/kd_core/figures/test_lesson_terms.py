import pytest

from kd_core.figures.lesson_terms import TermRow, terms_figure, terms_info
from tests.helpers_sample import say


def test_weights_by_hand():
    info = terms_info(TermRow(2.0, 0.1), TermRow(0.4, 0.05), 0.25, 4.0)
    assert info.image == pytest.approx((0.5, 0.75 * 16 * 0.1))
    assert info.mean == pytest.approx((0.1, 0.75 * 16 * 0.05))
    assert info.most == 2.0  # α = 1: the labels alone; α = 0 gives 1.6


def test_stacks_show_both_terms():
    info = terms_info(TermRow(2.0, 0.1), TermRow(0.4, 0.05), 0.5, 1.0)
    labels, teacher = terms_figure(info, say).data
    assert labels.x == (1.0, 0.2)
    assert teacher.x == pytest.approx((0.05, 0.025))
    assert labels.text[0] == "1.0000"
    assert terms_figure(info, say).layout.barmode == "stack"


def test_nothing_to_lose_is_drawn_too():
    info = terms_info(TermRow(0.0, 0.0), TermRow(0.0, 0.0), 0.5, 1.0)
    assert terms_figure(info, say, dark=True).layout.xaxis.range == (0, 1.0)
