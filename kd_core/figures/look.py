"""How figures look: colours that colour-blind people can tell apart, shapes as a second sign.

Every figure is two functions: ``…_info`` says what is true, as a frozen record without any
sentence; ``…_figure`` says how it looks, with texts made by the caller. Equal records give equal
figures.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import plotly.graph_objects as go

from kd_core.text import Msg

Say = Callable[[Msg], str]

# Okabe & Ito 2008; black and yellow are left out, since one of them vanishes in each theme.
PALETTE = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#8C8C8C")
ROLE_COLOURS = {"teacher": PALETTE[0], "baseline": PALETTE[1], "imported": PALETTE[6]}
ROLE_SYMBOLS = {"teacher": "square", "baseline": "circle", "student": "diamond", "imported": "x"}
STUDENT_COLOURS = (PALETTE[2], PALETTE[3], PALETTE[5], PALETTE[4])


def arm_colour(role: str, arm: str, arms: list[str]) -> str:
    """The colour of an arm: fixed for teacher and baseline, by order for the students."""
    if role in ROLE_COLOURS:
        return ROLE_COLOURS[role]
    return STUDENT_COLOURS[arms.index(arm) % len(STUDENT_COLOURS)]


def layout(dark: bool, height: int, **more: Any) -> dict[str, Any]:
    """Layout that all figures share: fixed height, no background, readable on a projector."""
    ink = "#E6E6E6" if dark else "#262730"
    grid = "rgba(255,255,255,0.12)" if dark else "rgba(0,0,0,0.10)"
    axis = {"gridcolor": grid, "zeroline": False, "automargin": True, "linecolor": grid}
    merged: dict[str, Any] = {
        "template": "plotly_dark" if dark else "plotly_white",
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": ink, "size": 14},
        "height": height,
        "margin": {"l": 56, "r": 16, "t": 36, "b": 48},
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        "hoverlabel": {"font": {"size": 13}},
    }
    for name in ("xaxis", "yaxis"):
        merged[name] = {**axis, **more.pop(name, {})}
    return {**merged, **more}


def figure(traces: list[Any], dark: bool, height: int, **more: Any) -> go.Figure:
    """A figure from traces in the shared look."""
    return go.Figure(data=traces, layout=layout(dark, height, **more))


def padded(low: float, high: float, share: float = 0.08) -> tuple[float, float]:
    """A range with a margin; a single value gets one too.

    >>> padded(0.0, 1.0, 0.1)
    (-0.1, 1.1)
    """
    room = (high - low) * share or abs(high) * share or share
    return low - room, high + room
