import math

import plotly.graph_objects as go
import pytest

from kd_core.figures.look import (
    DASHES,
    PALETTE,
    STUDENT_COLOURS,
    arm_name,
    figure,
    finite_range,
    layout,
    legend_px,
    named_ticks,
    padded,
    reach,
    role_style,
    shorten,
)
from kd_core.text import Msg

BACKGROUNDS = {"light": "#FFFFFF", "dark": "#10151C"}


def say(msg: Msg) -> str:
    return msg.id


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("background", BACKGROUNDS.values(), ids=BACKGROUNDS)
def test_every_colour_stands_out_from_both_pages(background) -> None:
    page = luminance(background)
    for colour in PALETTE:
        lighter, darker = sorted((luminance(colour), page), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) > 2, colour


def test_roles_have_their_own_colour_and_shape() -> None:
    arms = ["one", "two", "three", "four"]
    styles = [role_style(role, role, arms) for role in ("teacher", "baseline", "imported")]
    styles += [role_style("student", arm, arms) for arm in arms]
    colours, symbols = zip(*styles, strict=True)
    assert len(set(colours)) == len(set(symbols)) == len(styles)
    many = [str(i) for i in range(17)]
    assert len({role_style("student", arm, many) for arm in many[:16]}) == 16
    assert role_style("student", "16", many)[0] in STUDENT_COLOURS


def test_the_teacher_is_called_by_its_role_and_a_student_by_its_arm() -> None:
    assert arm_name("teacher", "teacher", say) == "role.teacher"
    assert arm_name("student", "hint", say) == "hint"


def test_a_long_name_keeps_both_ends() -> None:
    long = "timm:convnext_tiny.fb_in22k_ft_in1k_384-s0"
    for most in (10, 11, 26):
        short = shorten(long, most)
        assert len(short) == most
        assert short.startswith("timm:"[: most // 2])
        assert short.endswith("-s0")
    assert shorten("resnet18", 8) == "resnet18"


def test_ticks_slant_when_there_is_much_to_read() -> None:
    assert named_ticks(["a", "b"], 16)["tickangle"] == 0
    assert named_ticks(["trophozoite"] * 5, 16)["tickangle"] == -40
    assert named_ticks(["class"] * 25, 16)["tickangle"] == -90


def test_ranges_hold_all_that_is_finite() -> None:
    assert finite_range([math.nan, math.inf]) is None
    low, high = finite_range([0.5, 0.5])
    assert low < 0.5 < high
    assert padded(0.0, 0.0) == (-0.08, 0.08)


def test_an_error_bar_never_points_the_wrong_way() -> None:
    assert reach(-0.1) == reach(math.nan) == 0
    assert reach(0.2) == 0.2


def test_a_long_legend_makes_room_for_itself() -> None:
    assert legend_px(4) == 0
    assert legend_px(len(DASHES) * len(PALETTE)) > legend_px(6) > 0


def test_all_figures_have_a_fixed_height_and_no_background() -> None:
    made = figure([go.Scatter(x=[1], y=[2])], say, True, 300, xaxis={"title": "x", "range": [0, 1]})
    assert made.layout.height == 300
    assert made.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert (made.layout.xaxis.title.text, made.layout.xaxis.range) == ("x", (0, 1))
    assert made.layout.separators == "figure.separators"
    assert layout(True, 300)["font"] != layout(False, 300)["font"]
