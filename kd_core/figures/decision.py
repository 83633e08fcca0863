"""Decision curves: net benefit of several models against treating all, and none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from kd_core.evaluate.decision_curve import DecisionCurve
from kd_core.figures.look import (
    DASHES,
    PALETTE,
    Say,
    faint,
    figure,
    finite_range,
    known,
    shorten,
)
from kd_core.text import Msg

FLOOR = -0.25
"""Treating all becomes very bad at high thresholds; the axis ends at this share of the best."""


@dataclass(frozen=True)
class DecisionPlot:
    """Several models' curves of one label, by name."""

    label: str
    models: tuple[tuple[str, DecisionCurve], ...]


def decision_info(found: Mapping[str, DecisionCurve]) -> DecisionPlot:
    """Curves by the model's name, all of the same label on the same images."""
    label = next((curve.label for curve in found.values()), "")
    return DecisionPlot(label, tuple(found.items()))


def decision_figure(info: DecisionPlot, say: Say, dark: bool = False) -> go.Figure:
    """Lines with bands for the intervals, where there are any."""
    traces: list[Any] = []
    for i, (name, curve) in enumerate(info.models):
        traces += [*_band(curve, i), _line(name, curve, i, say)]
    first = info.models[0][1] if info.models else None
    if first is not None:
        everybody = say(Msg("figure.treat_all"))
        traces.append(_guide(first.thresholds, first.treat_all, everybody, "dot", dark))
        nobody = say(Msg("figure.treat_none"))
        traces.append(
            _guide(first.thresholds, (0.0,) * len(first.thresholds), nobody, "dash", dark)
        )
    return figure(
        traces,
        say,
        dark,
        400,
        xaxis={"title": say(Msg("axis.threshold")), "range": [0, 1]},
        yaxis={"title": say(Msg("axis.net_benefit")), "range": _range(info)},
    )


def _range(info: DecisionPlot) -> list[float] | None:
    """From a little below 0 to the best that anybody reaches."""
    values = [v for _, curve in info.models for v in (*curve.net_benefit, *curve.high)]
    best = max((v for v in values if math.isfinite(v)), default=0.0)
    return finite_range([FLOOR * best, best])


def _guide(x: Sequence[float], y: Sequence[float], name: str, dash: str, dark: bool) -> go.Scatter:
    line = {"dash": dash, "color": faint(dark)}
    return go.Scatter(x=x, y=y, mode="lines", line=line, name=name, hoverinfo="skip")


def _line(name: str, curve: DecisionCurve, place: int, say: Say) -> go.Scatter:
    rows = zip(curve.thresholds, curve.net_benefit, curve.low, curve.high, strict=True)
    return go.Scatter(
        x=curve.thresholds,
        y=[known(value) for value in curve.net_benefit],
        mode="lines",
        name=shorten(name),
        line={"color": PALETTE[place % len(PALETTE)], "dash": DASHES[place % len(DASHES)]},
        text=[
            say(
                Msg(
                    "figure.decision_hover",
                    {"label": name, "t": t, "value": v, "low": low, "high": high},
                )
            )
            for t, v, low, high in rows
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _band(curve: DecisionCurve, place: int) -> list[go.Scatter]:
    rows = [
        (t, low, high)
        for t, low, high in zip(curve.thresholds, curve.low, curve.high, strict=True)
        if math.isfinite(low)
    ]
    if not rows:
        return []
    x, low, high = zip(*rows, strict=True)
    return [band(x, low, high, place)]


def band(x: Sequence[float], low: Sequence[float], high: Sequence[float], place: int) -> go.Scatter:
    """A veil between two lines, in the colour of a model."""
    colour = PALETTE[place % len(PALETTE)]
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return go.Scatter(
        x=[*x, *reversed(x)],
        y=[*high, *reversed(low)],
        fill="toself",
        fillcolor=f"rgba({red},{green},{blue},0.14)",
        line={"width": 0},
        mode="lines",
        showlegend=False,
        hoverinfo="skip",
    )
