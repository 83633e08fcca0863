"""Accuracy against size against latency, with intervals and the front of the best."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from kd_core.evaluate.pareto import pareto
from kd_core.figures.look import ROLE_SYMBOLS, Say, arm_colour, figure, padded
from kd_core.text import Msg

Axis = Literal["size_bytes", "latency_ms", "macs", "params"]
UNIT = {"size_bytes": 1e6, "latency_ms": 1.0, "macs": 1e6, "params": 1e6}
"""What one unit of each axis on the screen is: MB, ms, millions."""

MARKER_PX = (11, 34)
"""Smallest and largest marker; its area shows the third quantity."""


@dataclass(frozen=True)
class ModelPoint:
    """One model as the plot needs it; ``None`` where a figure does not exist.

    Attributes:
        label: Short name, e.g. ``distilled-s0``.
        arm: What it is compared as.
        role: teacher, baseline, student, imported.
        seed: Seed of its run.
        value: The chosen metric; ``low`` and ``high`` are its interval.
        size_bytes: Exported file.
        latency_ms: Median at batch 1.
        latency_source: ``measured`` or ``estimated``.
        macs: For one image.
        params: Parameters.
    """

    label: str
    arm: str
    role: str
    seed: int
    value: float
    low: float
    high: float
    size_bytes: int | None = None
    latency_ms: float | None = None
    latency_source: str = "measured"
    macs: int | None = None
    params: int | None = None


@dataclass(frozen=True)
class TradeOff:
    """What the plot shows.

    Attributes:
        points: Models that have both coordinates.
        x: The cost axis.
        area: The quantity of the marker's area, ``""`` for equal markers.
        metric: The accuracy axis.
        higher_is_better: Which way is up for it.
        front: Whether each point is on the Pareto front.
        left_out: Names of models without a coordinate.
    """

    points: tuple[ModelPoint, ...]
    x: Axis
    area: Axis | Literal[""]
    metric: str
    higher_is_better: bool
    front: tuple[bool, ...]
    left_out: tuple[str, ...]


def trade_off_info(
    points: Sequence[ModelPoint],
    x: Axis,
    metric: str,
    *,
    higher_is_better: bool = True,
    area: Axis | Literal[""] = "",
) -> TradeOff:
    """What is true: the models that can be drawn, and which of them nobody beats."""
    drawn = [p for p in points if getattr(p, x) is not None and math.isfinite(p.value)]
    front = pareto([(p.value, getattr(p, x)) for p in drawn], (higher_is_better, False))
    names = {p.label for p in drawn}
    return TradeOff(
        points=tuple(drawn),
        x=x,
        area=area,
        metric=metric,
        higher_is_better=higher_is_better,
        front=tuple(front),
        left_out=tuple(p.label for p in points if p.label not in names),
    )


def trade_off_figure(info: TradeOff, say: Say, dark: bool = False) -> go.Figure:
    """How it looks: one colour and shape an arm, error bars, a dotted line along the front."""
    arms = list(dict.fromkeys(p.arm for p in info.points if p.role == "student"))
    traces = [_front(info, say, dark)] if sum(info.front) > 1 else []
    traces += [_arm(info, arm, arms, say) for arm in dict.fromkeys(p.arm for p in info.points)]
    xs = [getattr(p, info.x) / UNIT[info.x] for p in info.points]
    ends = [v for p in info.points for v in (p.low, p.high, p.value) if math.isfinite(v)]
    return figure(
        traces,
        dark,
        460,
        xaxis={
            "title": say(Msg(f"axis.{info.x}")),
            "type": "log" if _wide(xs) else "linear",
            "range": _x_range(xs),
        },
        yaxis={
            "title": say(Msg(f"metric.{info.metric}.title")),
            "range": list(padded(min(ends), max(ends))) if ends else None,
        },
        hovermode="closest",
    )


def _wide(xs: Sequence[float]) -> bool:
    return bool(xs) and min(xs) > 0 and max(xs) / min(xs) > 8


def _x_range(xs: Sequence[float]) -> list[float] | None:
    if not xs:
        return None
    if _wide(xs):
        return list(padded(math.log10(min(xs)), math.log10(max(xs)), 0.1))
    low, high = padded(min(xs), max(xs), 0.12)
    return [max(0.0, low), high]


def _arm(info: TradeOff, arm: str, arms: list[str], say: Say) -> go.Scatter:
    points = [p for p in info.points if p.arm == arm]
    role = points[0].role
    colour = arm_colour(role, arm, arms)
    return go.Scatter(
        x=[getattr(p, info.x) / UNIT[info.x] for p in points],
        y=[p.value for p in points],
        error_y={
            "type": "data",
            "array": [_reach(p.high - p.value) for p in points],
            "arrayminus": [_reach(p.value - p.low) for p in points],
            "thickness": 1.4,
            "width": 5,
        },
        mode="markers",
        name=say(Msg(f"role.{role}")) if role != "student" else arm,
        marker={
            "color": colour,
            "symbol": ROLE_SYMBOLS.get(role, "diamond"),
            "size": _sizes(info, points),
            "line": {"width": 1, "color": "rgba(127,127,127,0.9)"},
            "opacity": 0.9,
        },
        text=[_hover(p, info.metric, say) for p in points],
        hovertemplate="%{text}<extra></extra>",
    )


def _reach(distance: float) -> float:
    return max(0.0, distance) if math.isfinite(distance) else 0.0


def _sizes(info: TradeOff, points: Sequence[ModelPoint]) -> list[float]:
    if not info.area:
        return [14.0] * len(points)
    largest = max((getattr(p, info.area) or 0 for p in info.points), default=0) or 1
    low, high = MARKER_PX
    return [low + (high - low) * math.sqrt((getattr(p, info.area) or 0) / largest) for p in points]


def _front(info: TradeOff, say: Say, dark: bool) -> go.Scatter:
    ends = sorted(
        (getattr(p, info.x) / UNIT[info.x], p.value)
        for p, on in zip(info.points, info.front, strict=True)
        if on
    )
    xs, ys = np.array(ends).T
    return go.Scatter(
        x=xs.tolist(),
        y=ys.tolist(),
        mode="lines",
        name=say(Msg("figure.front")),
        line={"dash": "dot", "width": 1.6, "color": "#AAAAAA" if dark else "#666666"},
        hoverinfo="skip",
    )


def _hover(point: ModelPoint, metric: str, say: Say) -> str:
    fields = {
        "label": point.label,
        "metric": Msg(f"metric.{metric}.title"),
        "value": point.value,
        "low": point.low,
        "high": point.high,
        "size": point.size_bytes,
        "latency": point.latency_ms,
        "source": Msg(f"source.{point.latency_source}"),
        "macs": None if point.macs is None else point.macs / 1e6,
        "params": None if point.params is None else point.params / 1e6,
    }
    return say(Msg("figure.model_hover", fields))
