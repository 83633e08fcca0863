import dataclasses
import math
from pathlib import Path

import pytest

from kd_core.figures.trade_off import (
    MAX_LABELS,
    MAX_MODELS,
    ModelPoint,
    trade_off_figure,
    trade_off_info,
)
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render


def point(label: str, role: str, value: float, size: int | None, **more) -> ModelPoint:
    arm = more.pop("arm", role)
    fields = {"latency_ms": 2.0, "macs": 4_000_000, "params": 1_500_000, "seed": 0, **more}
    return ModelPoint(
        label,
        arm,
        role,
        value=value,
        low=value - 0.02,
        high=value + 0.01,
        size_bytes=size,
        **fields,
    )


TEACHER = point("teacher-s0", "teacher", 0.95, 40_000_000, latency_ms=9.0)
ALONE = point("baseline-s0", "baseline", 0.90, 6_000_000)
DISTILLED = point("distilled-s0", "student", 0.93, 6_000_000, arm="distilled")
ALL = [TEACHER, ALONE, DISTILLED]


def trace(figure, name: str):
    return next(t for t in figure.data if t.name == name)


def test_the_front_is_what_nobody_beats() -> None:
    info = trade_off_info(ALL, "size_bytes", "accuracy")
    assert info.front == (True, False, True)
    assert info.points == tuple(ALL)
    lower = trade_off_info(ALL, "size_bytes", "brier", higher_is_better=False)
    assert lower.front == (False, True, False)


def test_a_model_without_a_coordinate_is_named() -> None:
    lost = [
        dataclasses.replace(ALONE, latency_ms=None),
        dataclasses.replace(TEACHER, value=math.nan),
    ]
    info = trade_off_info([*lost, DISTILLED], "latency_ms", "accuracy")
    assert info.left_out == ("baseline-s0", "teacher-s0")
    assert info.points == (DISTILLED,)


def test_no_more_models_than_can_be_drawn_and_the_front_among_them() -> None:
    crowd = [
        point(f"m{i}", "student", 0.5 + 0.0001 * i, 10_000_000 - i, arm="a")
        for i in range(MAX_MODELS + 50)
    ]
    cheap = point("cheap", "student", 0.1, 1_000, arm="a")
    info = trade_off_info([cheap, *crowd], "size_bytes", "accuracy")
    assert len(info.points) == MAX_MODELS
    assert cheap in info.points
    assert len(info.left_out) == 51
    assert "m0" in info.left_out


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("x", ["size_bytes", "latency_ms", "macs", "params"])
def test_equal_records_give_equal_figures(x, dark) -> None:
    info, again = (trade_off_info(list(ALL), x, "accuracy", area="macs") for _ in range(2))
    assert info == again
    assert trade_off_figure(info, say, dark) == trade_off_figure(again, say, dark)


def test_axes_are_fixed_and_in_readable_units() -> None:
    figure = trade_off_figure(trade_off_info(ALL, "size_bytes", "accuracy"), say)
    low, high = figure.layout.xaxis.range
    assert low < 6 < 40 < high  # MB
    low, high = figure.layout.yaxis.range
    assert low < 0.88 < 0.96 < high  # the intervals too
    assert figure.layout.height == 460
    assert "MB" in figure.layout.xaxis.title.text
    far = [*ALL, point("tiny", "student", 0.8, 50_000, arm="tiny")]
    axis = trade_off_figure(trade_off_info(far, "size_bytes", "accuracy"), say).layout.xaxis
    assert axis.type == "log"
    assert 10 ** axis.range[0] < 0.05 < 40 < 10 ** axis.range[1]


def test_intervals_are_error_bars() -> None:
    error = trace(trade_off_figure(trade_off_info(ALL, "macs", "accuracy"), say), "Teacher").error_y
    assert error.array == pytest.approx((0.01,))
    assert error.arrayminus == pytest.approx((0.02,))
    unknown = dataclasses.replace(TEACHER, low=math.nan, high=math.nan)
    figure = trade_off_figure(trade_off_info([unknown], "macs", "accuracy"), say)
    assert trace(figure, "Teacher").error_y.array == (0,)


def test_models_of_one_cost_do_not_hide_each_other() -> None:
    figure = trade_off_figure(trade_off_info(ALL, "size_bytes", "accuracy"), say)
    alone, distilled = (trace(figure, name).x[0] for name in ("Student alone", "distilled"))
    assert alone < 6 < distilled
    assert distilled - alone < 1.5


def test_the_pop_up_has_every_number_and_its_source() -> None:
    estimated = dataclasses.replace(DISTILLED, latency_source="estimated")
    info = trade_off_info([TEACHER, estimated], "latency_ms", "accuracy")
    figure = trade_off_figure(info, say)
    text = trace(figure, "distilled").text[0]
    for part in ("distilled-s0", "0.930", "0.910 to 0.940", "6.00 MB", "2.00 ms", "estimated"):
        assert part in text
    assert "measured" in trace(figure, "Teacher").text[0]
    assert trace(figure, "distilled").marker.symbol[0].endswith("-open")
    assert trace(figure, "Teacher").marker.symbol[0] == "square"


def test_the_area_of_a_marker_grows_with_the_third_quantity() -> None:
    info = trade_off_info(ALL, "size_bytes", "accuracy", area="latency_ms")
    figure = trade_off_figure(info, say)
    assert trace(figure, "Teacher").marker.size[0] > trace(figure, "distilled").marker.size[0]
    unknown = [dataclasses.replace(p, macs=None) for p in ALL]
    info = trade_off_info(unknown, "size_bytes", "accuracy", area="macs")
    sizes = {t.marker.size[0] for t in trade_off_figure(info, say).data if t.mode == "markers"}
    assert len(sizes) == 1


def test_few_arms_are_named_beside_their_best_model_and_many_in_the_legend() -> None:
    figure = trade_off_figure(trade_off_info(ALL, "size_bytes", "accuracy"), say)
    assert {note.text for note in figure.layout.annotations} == {
        "Teacher",
        "Student alone",
        "distilled",
    }
    many = [
        point(f"m{i}", "student", 0.8 + i / 100, 10**6 + i * 10**5, arm=f"arm {i}")
        for i in range(MAX_LABELS + 1)
    ]
    figure = trade_off_figure(trade_off_info(many, "size_bytes", "accuracy"), say)
    assert not figure.layout.annotations
    assert all(t.showlegend for t in figure.data)


def test_nothing_to_draw_is_an_empty_figure() -> None:
    info = trade_off_info([], "size_bytes", "accuracy")
    assert info.points == ()
    assert len(trade_off_figure(info, say).data) == 0


def test_an_arm_of_another_protocol_is_drawn_and_not_ranked():
    points = [
        ModelPoint("a", "tuned", "student", 0, 0.9, 0.8, 0.95, size_bytes=10),
        ModelPoint("b", "baseline", "baseline", 0, 0.8, 0.7, 0.9, size_bytes=20),
    ]
    assert trade_off_info(points, "size_bytes", "accuracy").front == (True, False)
    info = trade_off_info(points, "size_bytes", "accuracy", unranked=("tuned",))
    assert [p.label for p in info.points] == ["a", "b"]
    assert info.front == (False, True)


def test_models_of_equal_cost_are_known_as_such() -> None:
    assert trade_off_info(ALL, "size_bytes", "accuracy").has_equal_costs
    assert not trade_off_info(ALL[:2], "size_bytes", "accuracy").has_equal_costs
