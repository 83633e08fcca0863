import math

import numpy as np

from kd_core.evaluate.calibration import Reliability
from kd_core.figures.training import MAX_POINTS, lines_figure, lines_info, reliability_figure
from kd_core.text import Msg


def say(msg: Msg) -> str:
    return msg.id


def test_undefined_points_are_left_out() -> None:
    info = lines_info("axis.epoch", "axis.loss", {"a": [(1, 0.5), (2, math.nan), (3, 0.2)]})
    assert info.lines[0].x == (1, 3)


def test_the_kept_epoch_is_ringed() -> None:
    curves = {"a": [(1.0, 0.5), (2.0, 0.9)], "b": [(1.0, 0.1)]}
    made = lines_figure(lines_info("axis.epoch", "axis.score", curves, {"a": 2.0}), say)
    rings = [trace for trace in made.data if trace.mode == "markers"]
    assert [(ring.x, ring.y) for ring in rings] == [((2.0,), (0.9,))]


def test_long_curves_are_thinned() -> None:
    info = lines_info("axis.step", "axis.loss", {"a": [(float(i), 1.0) for i in range(10_000)]})
    assert 100 < len(info.lines[0].x) <= MAX_POINTS


def test_reliability_has_the_diagonal_and_one_line_a_model() -> None:
    bins = Reliability(np.array([0.6, 0.9]), np.array([0.5, 0.95]), np.array([10, 90]))
    made = reliability_figure({"one": bins}, say, dark=True)
    assert [trace.name for trace in made.data] == ["figure.perfect", "one"]
    small, large = made.data[1].marker.size
    assert small < large
