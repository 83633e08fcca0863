"""How figures look: colours that colour-blind people can tell apart, shapes as a second sign.

Every figure is two functions: ``…_info`` says what is true, as a frozen record without any
sentence; ``…_figure`` says how it looks, with texts made by the caller. Equal records give equal
figures. Heights are fixed and ranges are given, so that nothing jumps while a page is live.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import plotly.graph_objects as go

from kd_core.text import Msg

Say = Callable[[Msg], str]

# Okabe & Ito 2008; black and yellow are left out, since one of them vanishes in each theme.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C")
SYMBOLS = ("square", "circle", "diamond", "triangle-up", "cross", "star", "x", "hexagram")
DASHES = ("solid", "dash", "dot", "dashdot")
ROLE_COLOURS = {"teacher": PALETTE[0], "baseline": PALETTE[1], "imported": PALETTE[6]}
ROLE_SYMBOLS = {"teacher": "square", "baseline": "circle", "student": "diamond", "imported": "x"}
STUDENT_COLOURS = (PALETTE[2], PALETTE[3], PALETTE[5], PALETTE[4])
STUDENT_SYMBOLS = ("diamond", "triangle-up", "star", "hexagram")

NAME_CHARS = 26
"""Characters of a name in a legend or at an axis; the pop-up has it in full."""


WHOLE_NUMBERS = {"tickformat": ",~r"}
"""For a logarithmic axis, which otherwise writes 0.5 and 50 as 5."""

COST_AXIS: dict[bool, dict[str, str]] = {
    True: {"type": "log", "dtick": "D2", **WHOLE_NUMBERS},  # 1, 2, 5, 10, …
    False: {"type": "linear"},
}
"""An axis of costs, by whether it is logarithmic."""

FLAT_LETTERS = 32
"""Letters of all tick names together that fit side by side on a phone."""


def role_style(role: str, arm: str, arms: Sequence[str]) -> tuple[str, str]:
    """Colour and shape of an arm: fixed for teacher and baseline, by order for the students.

    Args:
        role: teacher, baseline, imported, student, or what a chain of compression makes.
        arm: Name of the arm.
        arms: Names of all arms without a fixed style, in order.
    """
    if role in ROLE_COLOURS:
        return ROLE_COLOURS[role], ROLE_SYMBOLS[role]
    lap, place = divmod(arms.index(arm), len(STUDENT_COLOURS))
    return STUDENT_COLOURS[place], STUDENT_SYMBOLS[(place + lap) % len(STUDENT_SYMBOLS)]


def arm_name(role: str, arm: str, say: Say) -> str:
    """What an arm is called: by its role where there is one of it, else by its own name."""
    return say(Msg(f"role.{role}")) if role in ("teacher", "baseline") else arm


def shorten(name: str, most: int = NAME_CHARS) -> str:
    """A name that fits, its middle left out: both ends tell models apart.

    >>> shorten("timm:convnext_tiny.fb_in22k_ft_in1k-s0", 20)
    'timm:convn…t_in1k-s0'
    >>> shorten("resnet18")
    'resnet18'
    """
    if len(name) <= most:
        return name
    keep = most - 1
    return f"{name[: (keep + 1) // 2]}…{name[-(keep // 2) :]}"


def ink(dark: bool) -> str:
    """Colour of text."""
    return "#E8EDF2" if dark else "#1B2430"


def faint(dark: bool) -> str:
    """Colour of lines that only guide the eye."""
    return "#9AA5B1" if dark else "#6B7683"


def veil(dark: bool) -> str:
    """The page's colour, half transparent: a name on it stays readable above a line."""
    return "rgba(16,21,28,0.6)" if dark else "rgba(255,255,255,0.6)"


def named_ticks(names: Sequence[str], most: int) -> dict[str, Any]:
    """Ticks at 0, 1, … with names; slanted, and so all of them shown, where they are many letters.

    >>> named_ticks(["ring", "healthy"], 6)["ticktext"]
    ['ring', 'hea…hy']
    """
    short = [shorten(name, most) for name in names]
    letters = sum(map(len, short))
    angle = 0 if letters <= FLAT_LETTERS else -40 if len(names) <= 15 else -90
    return {
        "tickvals": list(range(len(short))),
        "ticktext": short,
        "tickangle": angle,
        "tickfont": {"size": 13 if len(names) <= 15 else 10},
        "showgrid": False,
    }


def legend_px(names: int) -> int:
    """Height that a legend of more than two rows takes from a plot, at two names a row.

    >>> legend_px(3), legend_px(9)
    (0, 60)
    """
    return 20 * max(0, math.ceil(names / 2) - 2)


def layout(dark: bool, height: int, **more: Any) -> dict[str, Any]:
    """Layout that all figures share: fixed height, no background, readable on a projector."""
    grid = "rgba(255,255,255,0.12)" if dark else "rgba(0,0,0,0.10)"
    axis = {"gridcolor": grid, "zeroline": False, "automargin": True, "linecolor": grid}
    merged: dict[str, Any] = {
        "template": "plotly_dark" if dark else "plotly_white",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": ink(dark), "size": 14},
        "height": height,
        # The buttons lie over the legend, which shall be read through them.
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": faint(dark), "activecolor": ink(dark)},
        "margin": {"l": 52, "r": 12, "t": 16, "b": 44},
        "legend": {
            "orientation": "h",
            "y": 1.02,
            "yanchor": "bottom",
            "x": 0,
            "font": {"size": 13},
            "itemsizing": "constant",
        },
        "hoverlabel": {"font": {"size": 13}, "align": "left"},
        "uirevision": "kept",  # a zoom stays while new points come in
    }
    for name in ("xaxis", "yaxis"):
        given = more.pop(name, {})
        merged[name] = {**axis, **given, "title": {"text": given.get("title", ""), "standoff": 8}}
    return {**merged, **more}


def figure(traces: list[Any], say: Say, dark: bool, height: int, **more: Any) -> go.Figure:
    """A figure from traces in the shared look, with the language's decimal separator."""
    separators = say(Msg("figure.separators"))
    return go.Figure(data=traces, layout=layout(dark, height, separators=separators, **more))


def padded(low: float, high: float, share: float = 0.08) -> tuple[float, float]:
    """A range with a margin; a single value gets one too.

    >>> padded(0.0, 1.0, 0.1)
    (-0.1, 1.1)
    """
    room = (high - low) * share or abs(high) * share or share
    return low - room, high + room


def finite_range(values: Iterable[float], share: float = 0.08) -> list[float] | None:
    """The padded range of all finite values; ``None`` where there is none.

    >>> finite_range([0.0, math.nan, 1.0], 0.1)
    [-0.1, 1.1]
    """
    finite = [value for value in values if math.isfinite(value)]
    return list(padded(min(finite), max(finite), share)) if finite else None


def known(value: float) -> float | None:
    """The value, or ``None``, which plotly leaves out, where it does not exist."""
    return value if math.isfinite(value) else None


def reach(distance: float) -> float:
    """Length of one side of an error bar, 0 where there is no interval."""
    return max(0.0, distance) if math.isfinite(distance) else 0.0
