"""Figures of learning: validation by epoch, parts of the loss, seeds side by side, calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.evaluate.calibration import Reliability
from kd_core.figures.look import PALETTE, Say, figure
from kd_core.text import Msg

MAX_POINTS = 1500
"""Points drawn of one line; a longer one is thinned evenly."""


@dataclass(frozen=True)
class Line:
    """One curve; ``best`` is the x of the point that was kept, if any."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    best: float | None = None


@dataclass(frozen=True)
class Lines:
    """Several curves over the same axis; ``x`` and ``y`` are message ids."""

    x: str
    y: str
    lines: tuple[Line, ...]


def lines_info(
    x: str,
    y: str,
    curves: Mapping[str, Sequence[tuple[float, float]]],
    best: Mapping[str, float] | None = None,
) -> Lines:
    """Curves by name, without undefined points, thinned to what a screen can show."""
    lines = []
    for name, points in curves.items():
        finite = [(a, b) for a, b in points if math.isfinite(b)]
        kept = finite[:: max(1, math.ceil(len(finite) / MAX_POINTS))]
        xs, ys = tuple(a for a, _ in kept), tuple(b for _, b in kept)
        lines.append(Line(name, xs, ys, (best or {}).get(name)))
    return Lines(x, y, tuple(lines))


def lines_figure(info: Lines, say: Say, dark: bool = False, height: int = 340) -> go.Figure:
    """Lines with the kept point ringed."""
    traces = []
    for i, line in enumerate(info.lines):
        colour = PALETTE[i % len(PALETTE)]
        look = {"color": colour, "width": 2}
        traces.append(go.Scatter(x=line.x, y=line.y, mode="lines", name=line.name, line=look))
        if line.best in line.x:
            at = line.x.index(line.best)
            ring = {"symbol": "circle-open", "size": 13, "color": colour, "line": {"width": 2.5}}
            traces.append(
                go.Scatter(
                    x=[line.best],
                    y=[line.y[at]],
                    mode="markers",
                    marker=ring,
                    showlegend=False,
                    hovertemplate=say(Msg("figure.kept")) + " %{x}: %{y:.4f}<extra></extra>",
                )
            )
    axes = {"xaxis": {"title": say(Msg(info.x))}, "yaxis": {"title": say(Msg(info.y))}}
    return figure(traces, dark, height, **axes)


def reliability_figure(bins: Mapping[str, Reliability], say: Say, dark: bool = False) -> go.Figure:
    """How sure against how often right; the diagonal is perfect; marker area is the count."""
    diagonal = go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dot", "color": "#888888"},
        name=say(Msg("figure.perfect")),
        hoverinfo="skip",
    )
    traces = [diagonal]
    for i, (name, found) in enumerate(bins.items()):
        largest = max(found.count, default=1)
        traces.append(
            go.Scatter(
                x=found.confidence.tolist(),
                y=found.accuracy.tolist(),
                mode="lines+markers",
                name=name,
                line={"color": PALETTE[i % len(PALETTE)]},
                marker={"size": [6 + 14 * math.sqrt(n / largest) for n in found.count]},
                text=[int(n) for n in found.count],
                hovertemplate="%{x:.2f} → %{y:.2f} (n = %{text})<extra></extra>",
            )
        )
    return figure(
        traces,
        dark,
        380,
        xaxis={"title": say(Msg("axis.confidence")), "range": [0, 1.02]},
        yaxis={"title": say(Msg("axis.right")), "range": [0, 1.02]},
    )
