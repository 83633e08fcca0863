"""Figures over classes: the confusion matrix, and scores by class for several models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from kd_core.evaluate.kernels import confusion
from kd_core.evaluate.predictions import Predictions
from kd_core.figures.look import PALETTE, Say, figure
from kd_core.text import Msg


@dataclass(frozen=True)
class Confusion:
    """Counts of true classes (rows) by predicted ones (columns)."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion_info(predictions: Predictions) -> Confusion:
    """Counts of a single-label model."""
    k = len(predictions.classes)
    weights = np.ones((1, len(predictions)))
    counts = confusion(predictions.predicted(), predictions.targets, k, weights)[0]
    return Confusion(predictions.classes, tuple(tuple(int(n) for n in row) for row in counts))


def confusion_figure(info: Confusion, say: Say, dark: bool = False) -> go.Figure:
    """Counts as numbers, the share of each true class as colour."""
    counts = np.array(info.counts)
    share = counts / np.maximum(1, counts.sum(1, keepdims=True))
    heat = go.Heatmap(
        z=share,
        x=list(info.classes),
        y=list(info.classes),
        text=counts,
        texttemplate="%{text}",
        colorscale="Cividis",
        reversescale=not dark,
        zmin=0,
        zmax=1,
        showscale=False,
        hovertemplate="%{y} → %{x}: %{text} (%{z:.0%})<extra></extra>",
    )
    return figure(
        [heat],
        dark,
        160 + 52 * min(len(info.classes), 14),
        xaxis={"title": say(Msg("axis.predicted")), "type": "category"},
        yaxis={"title": say(Msg("axis.true")), "autorange": "reversed", "type": "category"},
    )


@dataclass(frozen=True)
class Bar:
    """One score with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassBars:
    """A metric by class (columns) for several models (rows)."""

    metric: str
    classes: tuple[str, ...]
    models: tuple[str, ...]
    bars: tuple[tuple[Bar, ...], ...]


def class_bars_info(
    metric: str, classes: Sequence[str], scores: Mapping[str, Sequence[Bar]]
) -> ClassBars:
    """Scores by class of each model, in the order given."""
    return ClassBars(metric, tuple(classes), tuple(scores), tuple(map(tuple, scores.values())))


def class_bars_figure(info: ClassBars, say: Say, dark: bool = False) -> go.Figure:
    """Points with error bars, side by side: bars from 0 would hide the differences."""
    traces = []
    for i, (model, bars) in enumerate(zip(info.models, info.bars, strict=True)):
        shift = (i - (len(info.models) - 1) / 2) * 0.16
        traces.append(
            go.Scatter(
                x=[k + shift for k in range(len(info.classes))],
                y=[bar.value for bar in bars],
                error_y={
                    "type": "data",
                    "array": [np.nan_to_num(bar.high - bar.value) for bar in bars],
                    "arrayminus": [np.nan_to_num(bar.value - bar.low) for bar in bars],
                },
                mode="markers",
                name=model,
                marker={"color": PALETTE[i % len(PALETTE)], "size": 10, "symbol": i % 8},
            )
        )
    ticks = list(range(len(info.classes)))
    return figure(
        traces,
        dark,
        380,
        xaxis={"tickvals": ticks, "ticktext": list(info.classes)},
        yaxis={"title": say(Msg(f"metric.{info.metric}.title")), "range": [0, 1.02]},
    )
