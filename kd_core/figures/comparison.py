"""Methods against the student alone: difference with interval, and each seed as a dot."""

from __future__ import annotations

import math
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, Say, faint, figure, finite_range, ink, known, shorten
from kd_core.study.comparison import Comparison
from kd_core.text import Msg

ROW_PX = 30
BETTER, WORSE, OPEN = PALETTE[2], PALETTE[5], PALETTE[6]


@dataclass(frozen=True)
class Mark:
    """One method against the student alone.

    Attributes:
        arm: Its name.
        difference: In points, positive is better.
        low: Low end of the 95 % interval.
        high: High end.
        seeds: The difference of each seed, in points.
        kind: Of the verdict.
        holds: Whether it stands after the correction for the number of methods.
    """

    arm: str
    difference: float
    low: float
    high: float
    seeds: tuple[float, ...]
    kind: str
    holds: bool


@dataclass(frozen=True)
class Marks:
    """All methods, the best first; ``margin`` is how much worse still counts as as good."""

    metric: str
    marks: tuple[Mark, ...]
    margin: float


def marks_info(found: Comparison, higher_is_better: bool) -> Marks:
    """Differences to the student alone in points, in the order of the table."""
    alone = next(row for row in found.rows if row.verdict is None)
    sign = 1.0 if higher_is_better else -1.0
    marks, margin = [], 0.0
    for row in found.rows:
        if row.verdict is None:
            continue
        shared = [seed for seed in row.values if seed in alone.values]
        gaps = [100 * sign * (row.values[seed] - alone.values[seed]) for seed in shared]
        margin = row.verdict.margin
        marks.append(
            Mark(
                arm=row.arm,
                difference=100 * row.verdict.difference,
                low=100 * row.verdict.low,
                high=100 * row.verdict.high,
                seeds=tuple(gaps),
                kind=row.verdict.kind,
                holds=row.holds,
            )
        )
    return Marks(found.metric, tuple(marks), 100 * margin)


def marks_figure(info: Marks, say: Say, dark: bool = False) -> go.Figure:
    """One row a method: its interval as a line, its mean as a diamond, its seeds as dots."""
    n = len(info.marks)
    traces = [trace for place, mark in enumerate(info.marks) for trace in _row(mark, place, say)]
    ends = [e for m in info.marks for e in (m.low, m.high, *m.seeds) if math.isfinite(e)]
    figure_ = figure(
        traces,
        say,
        dark,
        90 + ROW_PX * max(2, n),
        xaxis={
            "title": say(Msg("figure.points_against_alone")),
            "range": finite_range([*ends, 0.0]),
        },
        yaxis={
            "tickvals": list(range(n)),
            "ticktext": [shorten(mark.arm, 22) for mark in info.marks],
            "range": [n - 0.4, -0.6],
            "showgrid": False,
        },
        showlegend=False,
    )
    figure_.add_vline(x=0, line={"color": ink(dark), "width": 1})
    if info.margin:
        figure_.add_vline(x=-info.margin, line={"color": faint(dark), "width": 1, "dash": "dot"})
    return figure_


def _row(mark: Mark, place: int, say: Say) -> list[go.Scatter]:
    colour = {"better": BETTER, "worse": WORSE}.get(mark.kind, OPEN)
    fields = {
        "arm": mark.arm,
        "difference": mark.difference,
        "low": mark.low,
        "high": mark.high,
    }
    text = say(Msg("figure.mark_hover", fields))
    return [
        go.Scatter(
            x=[known(mark.low), known(mark.high)],
            y=[place, place],
            mode="lines",
            line={"color": colour, "width": 4 if mark.holds else 2},
            hoverinfo="skip",
        ),
        go.Scatter(
            x=list(mark.seeds),
            y=[place + 0.24] * len(mark.seeds),
            mode="markers",
            marker={"color": colour, "size": 6, "opacity": 0.7},
            hovertemplate=f"{mark.arm}: %{{x:.1f}}<extra></extra>",
        ),
        go.Scatter(
            x=[known(mark.difference)],
            y=[place],
            mode="markers",
            marker={"color": colour, "size": 11, "symbol": "diamond"},
            hovertemplate=text + "<extra></extra>",
        ),
    ]
