"""Curves of learning: validation by epoch, parts of the loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import DASHES, PALETTE, Say, figure, finite_range, legend_px, shorten
from kd_core.text import Msg

MAX_POINTS = 1500
"""Points drawn of one line; a longer one is thinned evenly."""

MAX_LINES = 28
"""Lines drawn: every colour with every dash."""


@dataclass(frozen=True)
class Line:
    """One curve; ``best`` is the x of the point that was kept, if any."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    best: float | None = None


@dataclass(frozen=True)
class Lines:
    """Several curves over the same axis.

    Attributes:
        x: Message id of the axis.
        y: Message id of the axis.
        lines: The curves that are drawn.
        left_out: Names of those that are not.
    """

    x: str
    y: str
    lines: tuple[Line, ...]
    left_out: tuple[str, ...] = ()


def lines_info(
    x: str,
    y: str,
    curves: Mapping[str, Sequence[tuple[float, float]]],
    best: Mapping[str, float] | None = None,
) -> Lines:
    """Curves by name, without undefined points, thinned to what a screen can show."""
    kept_at = best or {}
    lines = [_line(name, points, kept_at.get(name)) for name, points in curves.items()]
    drawn, others = lines[:MAX_LINES], lines[MAX_LINES:]
    return Lines(x, y, tuple(drawn), tuple(line.name for line in others))


def _line(name: str, points: Sequence[tuple[float, float]], best: float | None) -> Line:
    finite = [(a, b) for a, b in points if math.isfinite(b)]
    step = max(1, math.ceil(len(finite) / MAX_POINTS))
    # the newest point is what a person watches, and the kept one is ringed
    thinned = [
        (a, b)
        for i, (a, b) in enumerate(finite)
        if i % step == 0 or i == len(finite) - 1 or a == best
    ]
    return Line(name, tuple(a for a, _ in thinned), tuple(b for _, b in thinned), best)


def lines_figure(info: Lines, say: Say, dark: bool = False, height: int = 340) -> go.Figure:
    """Lines with the kept point ringed."""
    traces = []
    for i, line in enumerate(info.lines):
        colour = PALETTE[i % len(PALETTE)]
        traces.append(
            go.Scatter(
                x=line.x,
                y=line.y,
                mode="lines+markers" if len(line.x) < 2 else "lines",
                name=shorten(line.name),
                line={"color": colour, "width": 2, "dash": DASHES[i // len(PALETTE) % len(DASHES)]},
                hovertemplate=f"{line.name}<br>%{{x}}: %{{y:.4g}}<extra></extra>",
            )
        )
        if line.best in line.x:
            traces.append(_ring(line, colour, say))
    return figure(
        traces,
        say,
        dark,
        height + legend_px(len(info.lines)),
        xaxis={
            "title": say(Msg(info.x)),
            "range": finite_range((x for line in info.lines for x in line.x), 0.03),
        },
        yaxis={
            "title": say(Msg(info.y)),
            "range": finite_range(y for line in info.lines for y in line.y),
        },
    )


def _ring(line: Line, colour: str, say: Say) -> go.Scatter:
    at = line.x.index(float(line.best or 0.0))
    return go.Scatter(
        x=[line.x[at]],
        y=[line.y[at]],
        mode="markers",
        marker={"symbol": "circle-open", "size": 13, "color": colour, "line": {"width": 2.5}},
        showlegend=False,
        hovertemplate=say(Msg("figure.kept")) + " %{x}: %{y:.4g}<extra></extra>",
    )
