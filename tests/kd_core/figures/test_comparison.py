import math
from pathlib import Path

import pytest

from kd_core.evaluate.pareto import over_seeds
from kd_core.evaluate.scores import Score
from kd_core.evaluate.verdict import Verdict
from kd_core.figures.comparison import marks_figure, marks_info
from kd_core.study.comparison import Comparison, Row
from kd_core.study.training_costs import CostRatio
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render


def row(arm: str, values: dict[int, float], kind: str | None, low: float, high: float) -> Row:
    verdict = kind and Verdict(
        kind=kind,
        metric="accuracy",
        difference=(low + high) / 2,
        low=low,
        high=high,
        margin=0.01,
        smallest=(high - low) / 2,
        n_images=100,
        n_patients=None,
        n_seeds=2,
        p=0.001,
    )
    spread = over_seeds(list(values.values()))
    return Row(
        arm=arm,
        values=values,
        spread=spread,
        interval=Score(spread.mean, spread.low, spread.high, n=300),
        ranks={},
        verdict=verdict or None,
        p_holm=0.01 if kind == "better" else 0.5,
        plain=None,
        harms=kind == "worse",
        seconds=1.0,
        cost=CostRatio(time=1.0, energy=None, steps=1.0, teacher_images=0),
        teacher_s=0.0,
        own_recipe=False,
    )


FOUND = Comparison(
    metric="accuracy",
    rows=(
        row("good", {0: 0.9, 1: 0.92}, "better", 0.01, 0.05),
        row("baseline", {0: 0.87, 1: 0.89}, None, 0.0, 0.0),
        row("bad", {0: 0.8, 1: math.nan}, "worse", -0.10, -0.02),
    ),
    teacher=0.95,
    agreement=1.0,
    seeds=(0, 1),
    total_s=10.0,
)


def test_differences_are_points_against_the_student_alone() -> None:
    info = marks_info(FOUND, higher_is_better=True)
    assert [mark.arm for mark in info.marks] == ["good", "bad"]
    assert info.marks[0].seeds == pytest.approx((3.0, 3.0))
    assert info.marks[0].low == pytest.approx(1.0)
    assert info.marks[0].holds
    assert not info.marks[1].holds
    assert info.margin == pytest.approx(1.0)
    turned = marks_info(FOUND, higher_is_better=False)
    assert turned.marks[0].seeds == pytest.approx((-3.0, -3.0))


def test_the_figure_has_a_row_a_method_and_room_for_each_interval() -> None:
    figure = marks_figure(marks_info(FOUND, True), say)
    assert figure.layout.yaxis.ticktext == ("good", "bad")
    low, high = figure.layout.xaxis.range
    assert low < -10.0
    assert high > 5.0
    widths = [t.line.width for t in figure.data if t.mode == "lines"]
    assert widths == [4, 2]
