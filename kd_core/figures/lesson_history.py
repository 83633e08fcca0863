"""A staircase of papers: time from left to right, each on a step of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, SYMBOLS, Say, faint, figure, ink
from kd_core.text import Msg

ROW_PX = 24
MIDDLE_SHARE = 0.5
"""Left of this share of the axis a name stands behind its mark, right of it before it."""


@dataclass(frozen=True)
class Step:
    """One paper.

    Attributes:
        name: Short name.
        when: Year and month as one number.
        lane: What it passes on; decides colour and shape.
        reference: As it is cited.
    """

    name: str
    when: float
    lane: str
    reference: str


@dataclass(frozen=True)
class Staircase:
    """Papers, oldest first.

    Attributes:
        steps: All of them, so that nothing jumps.
        lanes: Kinds in the order of the legend.
        until: Later papers are left blank.
        chosen: Place of the one to mark.
    """

    steps: tuple[Step, ...]
    lanes: tuple[str, ...]
    until: float
    chosen: int


def staircase_info(
    steps: Sequence[Step], lanes: Sequence[str], until: float, chosen: int
) -> Staircase:
    """Papers in the order of time; ``chosen`` is a place in the order given.

    >>> steps = [Step("b", 2015.2, "answers", ""), Step("a", 2006.6, "answers", "")]
    >>> info = staircase_info(steps, ["answers"], 2025, 0)
    >>> info.steps[info.chosen].name
    'b'
    """
    order = sorted(range(len(steps)), key=lambda place: steps[place].when)
    ordered = tuple(steps[place] for place in order)
    return Staircase(ordered, tuple(lanes), until, order.index(chosen))


def staircase_figure(info: Staircase, say: Say, dark: bool = False) -> go.Figure:
    """Marks with names; a thin line leads from the year's axis to each."""
    first, last = info.steps[0].when, info.steps[-1].when
    room = (last - first) * 0.05
    traces = [_stems(info, dark)]
    for place, lane in enumerate(info.lanes):
        traces.append(_marks(info, lane, place, first, last, say, dark))
    n = len(info.steps)
    return figure(
        traces,
        say,
        dark,
        96 + n * ROW_PX,
        xaxis={"range": [first - room, last + room], "dtick": 4, "tickformat": "d"},
        yaxis={"range": [n - 0.4, -0.8], "visible": False},
    )


def _stems(info: Staircase, dark: bool) -> go.Scatter:
    x: list[float | None] = []
    y: list[float | None] = []
    for row, step in enumerate(info.steps):
        if step.when <= info.until:
            x += [step.when, step.when, None]
            y += [row, len(info.steps) - 0.4, None]
    line = {"color": faint(dark), "width": 1, "dash": "dot"}
    veil = {"opacity": 0.5}
    return go.Scatter(x=x, y=y, mode="lines", line=line, showlegend=False, hoverinfo="skip", **veil)


def _marks(
    info: Staircase, lane: str, place: int, first: float, last: float, say: Say, dark: bool
) -> go.Scatter:
    rows = [
        row for row, step in enumerate(info.steps) if step.lane == lane and step.when <= info.until
    ]
    steps = [info.steps[row] for row in rows]
    middle = first + (last - first) * MIDDLE_SHARE
    names = [f"{step.name} <b>{int(step.when)}</b>" for step in steps]
    marked = [row == info.chosen for row in rows]
    return go.Scatter(
        x=[step.when for step in steps],
        y=rows,
        mode="markers+text",
        name=say(Msg(f"figure.lesson.history.{lane}")),
        text=[f"<b>▸ {name}</b>" if on else name for on, name in zip(marked, names, strict=True)],
        textposition=["middle right" if s.when < middle else "middle left" for s in steps],
        textfont={"size": 14, "color": ink(dark)},
        cliponaxis=False,
        marker={
            "color": PALETTE[place],
            "symbol": SYMBOLS[place],
            "size": [17 if on else 11 for on in marked],
            "line": {"width": [2.5 if on else 0 for on in marked], "color": ink(dark)},
        },
        customdata=[step.reference for step in steps],
        hovertemplate="%{customdata}<extra></extra>",
    )
