import math

import pytest

from kd_core.figures.trade_off import ModelPoint, trade_off_figure, trade_off_info
from kd_core.text import Msg

POINTS = (
    ModelPoint(
        "teacher-s0", "teacher", "teacher", 0, 0.95, 0.93, 0.97, 10_000_000, 9.0, "measured"
    ),
    ModelPoint("baseline-s0", "baseline", "baseline", 0, 0.85, 0.82, 0.88, 200_000, 0.5),
    ModelPoint("distilled-s0", "distilled", "student", 0, 0.88, 0.85, 0.91, 200_000, 0.5),
    ModelPoint("foreign", "imported-x", "imported", 0, 0.80, 0.78, 0.83, 5_000_000),
)


def say(msg: Msg) -> str:
    return msg.id


def test_the_front_holds_what_nobody_beats() -> None:
    info = trade_off_info(POINTS, "size_bytes", "accuracy")
    on_front = [p.label for p, on in zip(info.points, info.front, strict=True) if on]
    assert on_front == ["teacher-s0", "distilled-s0"]


def test_less_can_be_better() -> None:
    info = trade_off_info(POINTS, "size_bytes", "brier", higher_is_better=False)
    on_front = [p.label for p, on in zip(info.points, info.front, strict=True) if on]
    assert on_front == ["baseline-s0", "foreign"]


def test_a_model_without_the_figure_is_left_out_and_named() -> None:
    info = trade_off_info(POINTS, "latency_ms", "accuracy")
    assert info.left_out == ("foreign",)
    assert len(info.points) == 3


def test_equal_records_give_an_equal_figure_without_changing_the_info() -> None:
    info = trade_off_info(POINTS, "size_bytes", "accuracy", area="latency_ms")
    assert trade_off_figure(info, say) == trade_off_figure(info, say)
    assert info == trade_off_info(POINTS, "size_bytes", "accuracy", area="latency_ms")


def test_every_model_is_drawn_once_with_its_interval() -> None:
    made = trade_off_figure(trade_off_info(POINTS, "size_bytes", "accuracy"), say)
    drawn = [trace for trace in made.data if trace.mode == "markers"]
    assert sum(len(trace.x) for trace in drawn) == len(POINTS)
    student = next(trace for trace in drawn if trace.name == "distilled")
    assert student.x == (0.2,)  # MB
    assert student.error_y.array[0] == pytest.approx(0.03)
    assert student.error_y.arrayminus[0] == pytest.approx(0.03)


def test_costs_far_apart_are_drawn_on_a_log_axis() -> None:
    made = trade_off_figure(trade_off_info(POINTS, "size_bytes", "accuracy"), say)
    assert made.layout.xaxis.type == "log"
    near = trade_off_figure(trade_off_info(POINTS[1:3], "size_bytes", "accuracy"), say)
    assert near.layout.xaxis.type == "linear"


def test_undefined_scores_and_no_models_at_all_are_no_error() -> None:
    nan = math.nan
    lost = ModelPoint("a", "a", "student", 0, nan, nan, nan, 1)
    info = trade_off_info([lost], "size_bytes", "accuracy")
    assert info.left_out == ("a",)
    assert len(trade_off_figure(info, say, dark=True).data) == 0
    no_interval = ModelPoint("b", "b", "student", 0, 0.5, nan, nan, 1)
    made = trade_off_figure(trade_off_info([no_interval], "size_bytes", "accuracy"), say)
    assert made.data[0].error_y.array == (0.0,)
