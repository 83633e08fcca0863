import math

import pytest

from kd_core.evaluate.robustness import Level, Robustness, RobustnessCurve
from kd_core.figures.robustness import robustness_figure, robustness_info
from kd_core.text import load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(ROOT / "app" / "locale").render
NONE = math.nan


def curve(model: str, corruption: str, low: float = 0.1) -> RobustnessCurve:
    values = (0.9, 0.8, 0.6)
    levels = (Level(s, v, v - low, v + 0.05) for s, v in enumerate(values))
    return RobustnessCurve(model, corruption, tuple(levels))


FOUND = Robustness(
    "accuracy",
    "teacher",
    tuple(curve(m, c) for m in ("teacher", "student") for c in ("blur", "noise", "jpeg", "stain")),
    (),
    300,
    None,
)


def test_one_small_plot_a_corruption_and_one_legend_entry_a_model() -> None:
    info = robustness_info(FOUND)
    assert info.models == ("teacher", "student")
    figure = robustness_figure(info, say)
    lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
    assert len(lines) == 8
    assert [trace.name for trace in lines if trace.showlegend] == ["teacher", "student"]
    assert len({trace.xaxis for trace in lines}) == 4
    assert [a.text for a in figure.layout.annotations] == ["Blur", "Noise", "JPEG", "Stain"]
    assert lines[0].y == (0.9, 0.8, 0.6)
    assert "Blur, severity 1: 0.800" in lines[0].text[1]
    low, high = figure.layout.yaxis.range
    assert low < 0.5 < 0.95 < high
    assert figure == robustness_figure(info, say)


def test_veils_only_where_there_are_intervals() -> None:
    alone = Robustness("accuracy", "m", (curve("m", "blur", NONE),), (), 9, 3)
    assert [t.fill for t in robustness_figure(robustness_info(alone), say, True).data] == [None]
    drawn = robustness_figure(robustness_info(FOUND), say).data[0]
    assert drawn.x == (0, 1, 2, 2, 1, 0)
    assert drawn.y == pytest.approx((0.95, 0.85, 0.65, 0.5, 0.7, 0.8))


def test_nothing_to_draw() -> None:
    nothing = Robustness("accuracy", "m", (), (), 0, None)
    assert robustness_figure(robustness_info(nothing), say).data == ()
