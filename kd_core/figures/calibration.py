"""The reliability diagram: how sure a model is against how often it is right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.evaluate.calibration import Reliability
from kd_core.figures.look import PALETTE, SYMBOLS, Say, faint, figure, reach, shorten
from kd_core.text import Msg

MARKER_PX = (6, 20)
"""Smallest and largest marker; its area shows how many images a bin holds."""


@dataclass(frozen=True)
class Bins:
    """One model's bins that hold images: mean confidence, share of right answers, images.

    ``low`` and ``high`` are the ends of the share's 95 % interval; empty where there is none.
    """

    name: str
    confidence: tuple[float, ...]
    accuracy: tuple[float, ...]
    count: tuple[int, ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()


@dataclass(frozen=True)
class ReliabilityPlot:
    """Several models' bins."""

    models: tuple[Bins, ...]


def reliability_info(found: Mapping[str, Reliability]) -> ReliabilityPlot:
    """Bins by the model's name."""
    return ReliabilityPlot(
        tuple(
            Bins(
                name,
                tuple(map(float, bins.confidence)),
                tuple(map(float, bins.accuracy)),
                tuple(map(int, bins.count)),
                tuple(map(float, bins.low)),
                tuple(map(float, bins.high)),
            )
            for name, bins in found.items()
        )
    )


def reliability_figure(info: ReliabilityPlot, say: Say, dark: bool = False) -> go.Figure:
    """Lines through the bins; the diagonal is perfect."""
    diagonal = go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dot", "color": faint(dark)},
        name=say(Msg("figure.perfect")),
        hoverinfo="skip",
    )
    traces = [diagonal, *(_model(bins, i, say) for i, bins in enumerate(info.models))]
    return figure(
        traces,
        say,
        dark,
        400,
        xaxis={"title": say(Msg("axis.confidence")), "range": [0, 1.03]},
        yaxis={"title": say(Msg("axis.right")), "range": [-0.03, 1.03]},
    )


def _model(bins: Bins, place: int, say: Say) -> go.Scatter:
    largest = max(bins.count, default=1)
    low, high = MARKER_PX
    fields = zip(bins.confidence, bins.accuracy, bins.count, strict=True)
    ends = list(zip(bins.accuracy, bins.low, bins.high, strict=True)) if bins.low else []
    return go.Scatter(
        x=bins.confidence,
        y=bins.accuracy,
        mode="lines+markers",
        name=shorten(bins.name),
        line={"color": PALETTE[place % len(PALETTE)]},
        error_y={
            "type": "data",
            "array": [reach(high - value) for value, _, high in ends],
            "arrayminus": [reach(value - low) for value, low, _ in ends],
            "thickness": 1.2,
            "width": 3,
        }
        if ends
        else None,
        marker={
            "symbol": SYMBOLS[place % len(SYMBOLS)],
            "size": [low + (high - low) * math.sqrt(n / largest) for n in bins.count],
        },
        text=[
            say(Msg("figure.bin_hover", {"label": bins.name, "sure": s, "right": r, "n": n}))
            for s, r, n in fields
        ],
        hovertemplate="%{text}<extra></extra>",
    )
