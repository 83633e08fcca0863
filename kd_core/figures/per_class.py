"""A metric by class for several models: who is helped by a method, and who is harmed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import (
    PALETTE,
    ROLE_COLOURS,
    SYMBOLS,
    Say,
    figure,
    known,
    named_ticks,
    padded,
    reach,
    role_style,
    shorten,
)
from kd_core.text import Msg

MAX_CLASSES = 40
"""Classes drawn side by side; more cannot be told apart."""


@dataclass(frozen=True)
class Bar:
    """One score with its interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ClassBars:
    """A metric by class (columns) for several models (rows).

    Attributes:
        metric: Entry of ``METRICS``.
        classes: Classes that are drawn.
        models: Names of the models.
        bars: One row a model.
        roles: Role of each model, or empty.
        left_out: Number of classes that are not drawn.
    """

    metric: str
    classes: tuple[str, ...]
    models: tuple[str, ...]
    bars: tuple[tuple[Bar, ...], ...]
    roles: tuple[str, ...] = ()
    left_out: int = 0


def class_bars_info(
    metric: str,
    classes: Sequence[str],
    scores: Mapping[str, Sequence[Bar]],
    roles: Mapping[str, str] | None = None,
) -> ClassBars:
    """Scores by class of each model, in the order given.

    Args:
        metric: Entry of ``METRICS``.
        classes: Class names.
        scores: By model, in the order of ``classes``.
        roles: Role of each model, for its colour and shape.
    """
    return ClassBars(
        metric,
        tuple(classes[:MAX_CLASSES]),
        tuple(scores),
        tuple(tuple(bars[:MAX_CLASSES]) for bars in scores.values()),
        tuple(roles[name] for name in scores) if roles else (),
        max(0, len(classes) - MAX_CLASSES),
    )


def class_bars_figure(info: ClassBars, say: Say, dark: bool = False) -> go.Figure:
    """Points with error bars, side by side: bars from 0 would hide the differences."""
    step = 0.7 / max(1, len(info.models))
    traces = []
    for i, (model, bars) in enumerate(zip(info.models, info.bars, strict=True)):
        colour, symbol = _model_style(info, i)
        shift = (i - (len(info.models) - 1) / 2) * step
        traces.append(
            go.Scatter(
                x=[k + shift for k in range(len(info.classes))],
                y=[known(bar.value) for bar in bars],
                error_y={
                    "type": "data",
                    "array": [reach(bar.high - bar.value) for bar in bars],
                    "arrayminus": [reach(bar.value - bar.low) for bar in bars],
                    "thickness": 1.4,
                    "width": 3,
                },
                mode="markers",
                name=shorten(model),
                marker={"color": colour, "size": 9, "symbol": symbol},
                text=[
                    _bar_hover(model, *pair, say) for pair in zip(info.classes, bars, strict=True)
                ],
                hovertemplate="%{text}<extra></extra>",
            )
        )
    k = len(info.classes)
    lows = [v for bars in info.bars for bar in bars for v in (bar.value, bar.low) if v == v]
    return figure(
        traces,
        say,
        dark,
        400,
        xaxis={
            **named_ticks(info.classes, 16),
            "range": [-0.5, k - 0.5],
        },
        yaxis={
            "title": say(Msg(f"metric.{info.metric}.title")),
            "range": [max(-0.02, padded(min(lows, default=0.0), 1.0, 0.05)[0]), 1.02],
        },
        shapes=[_divider(edge + 0.5, dark) for edge in range(k - 1)],
    )


def _model_style(info: ClassBars, place: int) -> tuple[str, str]:
    if not info.roles:
        return PALETTE[place % len(PALETTE)], SYMBOLS[place % len(SYMBOLS)]
    students = [m for m, r in zip(info.models, info.roles, strict=True) if r not in ROLE_COLOURS]
    return role_style(info.roles[place], info.models[place], students)


def _bar_hover(model: str, name: str, bar: Bar, say: Say) -> str:
    fields = {"label": model, "class": name, "value": bar.value, "low": bar.low, "high": bar.high}
    return say(Msg("figure.class_hover", fields))


def _divider(at: float, dark: bool) -> dict[str, object]:
    """A thin line between two classes."""
    colour = "rgba(255,255,255,0.12)" if dark else "rgba(0,0,0,0.10)"
    line = {"color": colour, "width": 1}
    return {"type": "line", "x0": at, "x1": at, "y0": 0, "y1": 1, "yref": "paper", "line": line}
