import math
from pathlib import Path

from kd_core.figures.training import MAX_LINES, MAX_POINTS, lines_figure, lines_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(Path(ROOT) / "app" / "locale").render
CURVES = {"task": [(1, 0.9), (2, 0.5), (3, math.nan), (4, 0.4)], "kd": [(1, 2.0), (2, 1.0)]}


def test_undefined_points_are_left_out() -> None:
    info = lines_info("axis.epoch", "axis.loss", CURVES, {"task": 2})
    assert info.lines[0].x == (1, 2, 4)
    assert info.lines[0].best == 2
    assert info.lines[1].best is None


def test_a_long_curve_is_thinned_but_keeps_its_best_and_its_newest_point() -> None:
    points = [(float(i), 1 / (i + 1)) for i in range(20_000)]
    line = lines_info("axis.step", "axis.loss", {"task": points}, {"task": 7777.0}).lines[0]
    assert len(line.x) <= MAX_POINTS + 2
    assert {0.0, 7777.0, 19_999.0} <= set(line.x)
    assert list(line.x) == sorted(line.x)


def test_no_more_lines_than_can_be_told_apart() -> None:
    curves = {f"run {i}": [(0, i), (1, i)] for i in range(MAX_LINES + 3)}
    info = lines_info("axis.epoch", "axis.score", curves)
    assert info.left_out == tuple(f"run {i}" for i in range(MAX_LINES, MAX_LINES + 3))
    looks = {(t.line.color, t.line.dash) for t in lines_figure(info, say).data}
    assert len(looks) == MAX_LINES


def test_the_kept_point_is_ringed() -> None:
    figure = lines_figure(lines_info("axis.epoch", "axis.loss", CURVES, {"task": 2}), say)
    rings = [t for t in figure.data if t.mode == "markers"]
    assert [(r.x, r.y) for r in rings] == [((2,), (0.5,))]
    missing = lines_figure(lines_info("axis.epoch", "axis.loss", CURVES, {"task": math.nan}), say)
    assert all(t.mode != "markers" for t in missing.data)


def test_ranges_are_fixed_and_equal_records_give_equal_figures() -> None:
    info = lines_info("axis.epoch", "axis.loss", CURVES)
    figure = lines_figure(info, say, dark=True)
    assert figure.layout.yaxis.range[0] < 0.4 < 2.0 < figure.layout.yaxis.range[1]
    assert figure.layout.xaxis.range[0] < 1 < 4 < figure.layout.xaxis.range[1]
    assert figure == lines_figure(lines_info("axis.epoch", "axis.loss", CURVES), say, dark=True)
    assert figure != lines_figure(info, say, dark=False)


def test_one_point_and_no_points() -> None:
    one = lines_figure(lines_info("axis.epoch", "axis.loss", {"task": [(1, 0.5)]}), say)
    assert one.data[0].mode == "lines+markers"  # a line through one point would not be seen
    assert lines_figure(lines_info("axis.epoch", "axis.loss", {}), say).data == ()
