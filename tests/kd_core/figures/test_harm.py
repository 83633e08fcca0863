import dataclasses
import math

import pytest

from kd_core.evaluate.harm import HarmRow
from kd_core.figures.harm import GAINED, HARMED, UNCLEAR, harm_figure, harm_info
from kd_core.text import Msg, load_catalogue
from tests.helpers_code import ROOT

say = load_catalogue(ROOT / "app" / "locale").render
ALL = HarmRow("all", "", "", "accuracy", 0.9, 0.88, -0.02, -0.05, 0.01, 0.2, 0.2, 900, 90, False)
RING = dataclasses.replace(ALL, kind="class", value="ring", metric="sensitivity", difference=-0.2,
                           low=-0.3, high=-0.1, p=0.001, p_holm=0.004)  # fmt: skip
SITE = dataclasses.replace(ALL, kind="group", column="site", value="far", difference=0.1, low=0.05,
                           high=0.2, p_holm=0.01, small=True, n_patients=None)  # fmt: skip
NONE = dataclasses.replace(ALL, kind="group", column="sex", value="f", difference=math.nan,
                           undefined=Msg("harm.undefined", {"metric": "x"}))  # fmt: skip


def test_colours_say_who_is_harmed_and_hollow_marks_who_are_few() -> None:
    info = harm_info([ALL, RING, SITE, NONE], "teacher", "student")
    assert info.left_out == 1
    points = harm_figure(info, say).data[0]
    assert points.marker.color == (UNCLEAR, HARMED, GAINED)
    assert points.marker.symbol == ("diamond", "diamond", "diamond-open")
    assert points.x == pytest.approx((-2, -20, 10))  # as the table


def test_rows_are_named_and_say_their_numbers() -> None:
    figure = harm_figure(harm_info([ALL, RING, SITE], "teacher", "student"), say, dark=True)
    assert figure.layout.yaxis.ticktext == ("all", "ring: found", "site: far")
    text = figure.data[0].text
    assert "teacher: 0.900, student: 0.880" in text[0]
    assert "90 patients" in text[0]
    assert "−20.0 points (95 % interval −30.0 to −10.0)" in text[1]
    assert "900 images" in text[2]
    assert figure.layout.xaxis.range[0] < -30
    assert figure.layout.yaxis.range == (2.5, -0.5)


def test_no_rows() -> None:
    assert harm_figure(harm_info([], "a", "b"), say).data[0].x == ()
