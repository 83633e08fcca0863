"""The trade-off plot with a budget drawn into it: who remains, and who is to be taken."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.cost_axis import CostAxis
from kd_core.figures.look import Say, faint, ink
from kd_core.figures.trade_off import ModelPoint, TradeOff, trade_off_figure, trade_off_info
from kd_core.text import Msg


@dataclass(frozen=True)
class BudgetLine:
    """A plot with its limit.

    Attributes:
        plot: The models.
        bands: Low and high end of each drawn model's time, in ms.
        limit_ms: Largest allowed time.
        chosen: Arm to be taken; empty where nothing remains.
        remain: Arms within the limit.
    """

    plot: TradeOff
    bands: tuple[tuple[float, float], ...]
    limit_ms: float
    chosen: str
    remain: tuple[str, ...]


def budget_info(
    points: Sequence[ModelPoint],
    bands: Sequence[tuple[float, float]],
    metric: str,
    limit_ms: float,
    chosen: str,
    remain: Collection[str],
) -> BudgetLine:
    """The models that have a time, with the limit.

    Args:
        points: Models.
        bands: Low and high end of each one's time.
        metric: The accuracy axis.
        limit_ms: Largest allowed time.
        chosen: Arm to be taken.
        remain: Arms within the limit.
    """
    plot = trade_off_info(points, "latency_ms", metric)
    known = {id(point): band for point, band in zip(points, bands, strict=True)}
    return BudgetLine(
        plot, tuple(known[id(point)] for point in plot.points), limit_ms, chosen, tuple(remain)
    )


def budget_figure(info: BudgetLine, say: Say, dark: bool = False) -> go.Figure:
    """What is too slow lies under a veil; the chosen models have a ring around them."""
    made = trade_off_figure(info.plot, say, dark)
    axis = CostAxis.of([p.latency_ms or 0.0 for p in info.plot.points])
    low, high = _ends(info, axis)
    at = min(max(axis.position(info.limit_ms), low), high)
    made.update_yaxes(tickformat=".0%")
    made.update_xaxes(title={"text": say(Msg("axis.lesson.latency"))}, range=[low, high])
    places = _places(info, axis)
    made.add_traces([_bands(info, dark), _rings(info, places, say, dark)])
    made.add_shape(
        type="rect", xref="x", yref="paper", x0=axis.cost(at), x1=axis.cost(high), y0=0, y1=1,
        fillcolor=faint(dark), opacity=0.22, line={"width": 0}, layer="above",
    )  # fmt: skip
    made.add_shape(
        type="line", xref="x", yref="paper", x0=axis.cost(at), x1=axis.cost(at), y0=0, y1=1,
        line={"color": ink(dark), "width": 2.5},
    )  # fmt: skip
    made.add_annotation(
        x=at, xref="x", y=1, yref="paper", yanchor="bottom", showarrow=False,
        xanchor="right" if at > (low + high) / 2 else "left",
        text=say(Msg("figure.lesson.limit", {"limit": info.limit_ms})),
    )  # fmt: skip
    return made


def _ends(info: BudgetLine, axis: CostAxis) -> tuple[float, float]:
    """The axis, as wide as the bands are."""
    bands = [axis.position(end) for low, high in info.bands if high > low for end in (low, high)]
    room = 0.02 * (axis.high - axis.low)
    return (
        min([axis.low, *(end - room for end in bands)]),
        max([axis.high, *(end + room for end in bands)]),
    )


def _places(info: BudgetLine, axis: CostAxis) -> list[float]:
    """Where the plot drew each model: side by side where they cost the same."""
    arms = list(dict.fromkeys(p.arm for p in info.plot.points))
    rank = [(arms.index(p.arm), p.seed) for p in info.plot.points]
    return axis.side_by_side([p.latency_ms or 0.0 for p in info.plot.points], rank)


def _bands(info: BudgetLine, dark: bool) -> go.Scatter:
    """Bands of estimated times; measured ones have none."""
    wide = [
        (p, low, high)
        for p, (low, high) in zip(info.plot.points, info.bands, strict=True)
        if high > low
    ]
    return go.Scatter(
        x=[p.latency_ms for p, _, _ in wide],
        y=[p.value for p, _, _ in wide],
        error_x={
            "type": "data",
            "array": [high - (p.latency_ms or 0.0) for p, _, high in wide],
            "arrayminus": [(p.latency_ms or 0.0) - low for p, low, _ in wide],
            "thickness": 1.2,
            "width": 3,
            "color": faint(dark),
        },
        mode="markers",
        marker={"size": 1, "color": faint(dark)},
        showlegend=False,
        hoverinfo="skip",
    )


def _rings(info: BudgetLine, places: Sequence[float], say: Say, dark: bool) -> go.Scatter:
    taken = [
        (x, p.value) for x, p in zip(places, info.plot.points, strict=True) if p.arm == info.chosen
    ]
    return go.Scatter(
        x=[x for x, _ in taken],
        y=[y for _, y in taken],
        mode="markers",
        name=say(Msg("figure.lesson.taken")),
        showlegend=bool(taken),
        marker={
            "symbol": "circle-open",
            "size": 27,
            "color": ink(dark),
            "line": {"width": 2.5, "color": ink(dark)},
        },
        hoverinfo="skip",
    )
