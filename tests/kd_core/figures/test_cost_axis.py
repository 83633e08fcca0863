import numpy as np
import pytest

from kd_core.figures.cost_axis import CostAxis


@pytest.mark.parametrize("costs", [[1.0, 5.0], [1.0, 100.0], [3.0], [0.0, 50.0], [7.0, 7.0]])
def test_every_cost_is_on_the_axis(costs) -> None:
    axis = CostAxis.of(costs)
    for cost in costs:
        assert -1e-9 <= axis.share(cost) <= 1
        assert axis.cost(axis.position(cost)) == pytest.approx(cost)


def test_a_wide_span_is_logarithmic_and_zero_never_is() -> None:
    assert CostAxis.of([1.0, 9.0]).log
    assert not CostAxis.of([1.0, 7.0]).log
    assert not CostAxis.of([0.0, 900.0]).log


@pytest.mark.parametrize("largest", [20.0, 2000.0])
def test_equal_costs_stand_side_by_side_in_order_around_their_place(largest) -> None:
    costs = [10.0, 10.0, 10.0, largest]
    axis = CostAxis.of(costs)
    drawn = axis.side_by_side(costs, rank=[2, 0, 1, 3])
    assert drawn[1] < drawn[2] < drawn[0]
    assert axis.share(np.median(drawn[:3])) == pytest.approx(axis.share(10.0))
    assert drawn[3] == largest
    assert axis.share(drawn[0]) - axis.share(drawn[1]) < 0.03


def test_a_crowd_does_not_wander_off() -> None:
    costs = [10.0] * 50 + [20.0]
    axis = CostAxis.of(costs)
    drawn = axis.side_by_side(costs, rank=list(range(51)))
    assert axis.share(max(drawn[:50])) - axis.share(min(drawn[:50])) < 0.09


def test_costs_apart_are_drawn_where_they_are() -> None:
    costs = [1.0, 2.0, 3.0]
    assert CostAxis.of(costs).side_by_side(costs, rank=[0, 0, 0]) == costs


def test_no_models() -> None:
    assert CostAxis.of([]).side_by_side([], []) == []
