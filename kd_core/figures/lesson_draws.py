"""Two models on drawn validation images: their scores draw by draw, and all the gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.look import DASHES, PALETTE, Say, figure, finite_range, ink, shorten
from kd_core.text import Msg

SHOWN = 20
"""Latest draws that are shown one by one."""

BINS = 24

COLOURS = (PALETTE[0], PALETTE[1])

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Draws:
    """Scores draw by draw.

    Attributes:
        names: Both models.
        numbers: Numbers of the draws shown; 0 is what was seen on the images as they are.
        scores: Of both models at each.
        flipped: Whether the order at each is the other one.
        span: Lowest and highest score of all draws, so that the axis stays.
    """

    names: tuple[str, str]
    numbers: tuple[int, ...]
    scores: tuple[tuple[float, ...], tuple[float, ...]]
    flipped: tuple[bool, ...]
    span: tuple[float, float]


@dataclass(frozen=True)
class Gaps:
    """How often each gap came out.

    Attributes:
        names: Both models.
        edges: Of the bins, in points; 0 is one of them.
        counts: Draws in each bin.
        seen: The gap on the images as they are, in points.
        now: The latest draw's gap in points; ``None`` before the first.
    """

    names: tuple[str, str]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    seen: float
    now: float | None


def draws_info(
    names: tuple[str, str], seen: tuple[float, float], drawn: Array, number: int
) -> Draws:
    """The latest draws.

    Args:
        names: Both models.
        seen: Their scores on the images as they are.
        drawn: Their scores in each draw, (2, R).
        number: How many were drawn so far.
    """
    first = max(1, number - SHOWN + 1)
    numbers = (0, *range(first, number + 1))
    scores = [tuple(seen[i] if n == 0 else float(drawn[i, n - 1]) for n in numbers) for i in (0, 1)]
    sign = 1.0 if seen[0] >= seen[1] else -1.0
    flipped = tuple(sign * (a - b) < 0 for a, b in zip(*scores, strict=True))
    low, high = float(min(drawn.min(), *seen)), float(max(drawn.max(), *seen))
    return Draws(names, numbers, (scores[0], scores[1]), flipped, (low, high))


def gaps_info(names: tuple[str, str], seen: tuple[float, float], drawn: Array, number: int) -> Gaps:
    """The gaps of all draws in points, in bins of which one edge is 0.

    Args:
        names: Both models.
        seen: Their scores on the images as they are.
        drawn: Their scores in each draw, (2, R).
        number: How many were drawn so far.
    """
    gaps = 100 * (drawn[0] - drawn[1])
    most = float(np.abs(gaps).max()) or 1.0
    edges = np.linspace(-most, most, BINS + 1)
    edges[BINS // 2] = 0.0
    counts, _ = np.histogram(gaps, edges)
    return Gaps(
        names,
        tuple(float(edge) for edge in edges),
        tuple(int(n) for n in counts),
        100 * (seen[0] - seen[1]),
        float(gaps[number - 1]) if number else None,
    )


def draws_figure(info: Draws, say: Say, dark: bool = False) -> go.Figure:
    """A line a model; a cross where the order is the other one."""
    places = list(range(len(info.numbers)))
    traces = [
        go.Scatter(
            x=places,
            y=scores,
            mode="lines+markers",
            name=shorten(info.names[i]),
            line={"color": COLOURS[i], "width": 2.5, "dash": DASHES[i]},
            marker={"size": 9, "symbol": ("square", "circle")[i]},
            hovertemplate="%{y:.2%}<extra></extra>",
        )
        for i, scores in enumerate(info.scores)
    ]
    flips = [i for i, flipped in enumerate(info.flipped) if flipped]
    traces.append(
        go.Scatter(
            x=flips,
            y=[info.span[0]] * len(flips),
            mode="markers",
            name=say(Msg("figure.lesson.flipped")),
            marker={"symbol": "x", "size": 12, "color": ink(dark)},
            hoverinfo="skip",
        )
    )
    names = [say(Msg("figure.lesson.as_seen")) if n == 0 else str(n) for n in info.numbers]
    return figure(
        traces,
        say,
        dark,
        380,
        xaxis={
            "title": say(Msg("axis.lesson.draw")),
            "range": [-0.6, max(8, len(places)) - 0.4],
            "tickvals": places,
            "ticktext": names,
            "tickangle": 0,
            "showgrid": False,
        },
        yaxis={
            "title": say(Msg("metric.accuracy.title")),
            "range": finite_range(info.span),
            "tickformat": ".1%",
        },
    )


def gaps_figure(info: Gaps, say: Say, dark: bool = False) -> go.Figure:
    """Bars in the colour of who is ahead; lines at what was seen and at the latest draw."""
    middle = [(a + b) / 2 for a, b in zip(info.edges, info.edges[1:], strict=False)]
    traces = [_side(info, middle, say, ahead=i) for i in (0, 1)]
    lines = [("as_seen", info.seen, "solid")]
    lines += [] if info.now is None else [("latest", info.now, "dot")]
    most = max(info.counts) * 1.08
    traces += [
        go.Scatter(
            x=[at, at],
            y=[0, most],
            mode="lines",
            name=say(Msg(f"figure.lesson.{name}")),
            line={"color": ink(dark), "width": 2.5, "dash": dash},
            hovertemplate="%{x:.2f}<extra></extra>",
        )
        for name, at, dash in lines
    ]
    return figure(
        traces,
        say,
        dark,
        380,
        bargap=0.06,
        barmode="overlay",
        xaxis={"title": say(Msg("axis.lesson.gap")), "range": finite_range(info.edges, 0.04)},
        yaxis={"title": say(Msg("axis.lesson.draws")), "range": [0, most]},
    )


def _side(info: Gaps, middle: Sequence[float], say: Say, ahead: int) -> go.Bar:
    kept = [i for i, x in enumerate(middle) if (x > 0) == (ahead == 0)]
    return go.Bar(
        x=[middle[i] for i in kept],
        y=[info.counts[i] for i in kept],
        width=info.edges[1] - info.edges[0],
        name=say(Msg("figure.lesson.ahead", {"name": shorten(info.names[ahead])})),
        marker={
            "color": COLOURS[ahead],
            "pattern": {"shape": "/" if ahead else ""},
        },
        hovertemplate="%{y}<extra></extra>",
    )
