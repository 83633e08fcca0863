"""Accuracy against size against latency, with intervals and the front of the best."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import plotly.graph_objects as go

from kd_core.evaluate.pareto import pareto
from kd_core.figures.cost_axis import CostAxis
from kd_core.figures.labels import Label, place_labels
from kd_core.figures.look import (
    COST_AXIS,
    ROLE_COLOURS,
    Say,
    arm_name,
    faint,
    figure,
    finite_range,
    legend_px,
    reach,
    role_style,
    shorten,
    veil,
)
from kd_core.text import Msg

Axis = Literal["size_bytes", "latency_ms", "macs", "params"]
UNIT = {"size_bytes": 1e6, "latency_ms": 1.0, "macs": 1e6, "params": 1e6}
"""What one unit of each axis on the screen is: MB, ms, millions."""

MARKER_PX = (10, 30)
"""Smallest and largest marker; its area shows the third quantity."""

HEIGHT = 460

MAX_MODELS = 400
"""Models drawn; the front and the best come first."""

MAX_LABELS = 8
"""Arms up to which names stand beside the markers; beyond, they stand in the legend."""


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
        left_out: Names of models without a coordinate, or beyond what can be drawn.
    """

    points: tuple[ModelPoint, ...]
    x: Axis
    area: Axis | Literal[""]
    metric: str
    higher_is_better: bool
    front: tuple[bool, ...]
    left_out: tuple[str, ...]

    @property
    def has_equal_costs(self) -> bool:
        """Whether some models cost the same, so that they are drawn side by side."""
        return len({getattr(p, self.x) for p in self.points}) < len(self.points)


def trade_off_info(
    points: Sequence[ModelPoint],
    x: Axis,
    metric: str,
    *,
    higher_is_better: bool = True,
    area: Axis | Literal[""] = "",
    unranked: Collection[str] = (),
) -> TradeOff:
    """What is true: the models that can be drawn, and which of them nobody beats.

    Arms in ``unranked``, which are of another protocol, are drawn and never on the front.
    """
    known = [p for p in points if getattr(p, x) is not None and math.isfinite(p.value)]
    ranked = [i for i, p in enumerate(known) if p.arm not in unranked]
    costs = [(known[i].value, getattr(known[i], x)) for i in ranked]
    best = {i for i, on in zip(ranked, pareto(costs, (higher_is_better, False)), strict=True) if on}
    front = [i in best for i in range(len(known))]
    sign = -1 if higher_is_better else 1
    order = sorted(range(len(known)), key=lambda i: (not front[i], sign * known[i].value))
    drawn = sorted(order[:MAX_MODELS])
    shown = {id(known[i]) for i in drawn}
    return TradeOff(
        points=tuple(known[i] for i in drawn),
        x=x,
        area=area,
        metric=metric,
        higher_is_better=higher_is_better,
        front=tuple(front[i] for i in drawn),
        left_out=tuple(p.label for p in points if id(p) not in shown),
    )


def trade_off_figure(info: TradeOff, say: Say, dark: bool = False) -> go.Figure:
    """How it looks: one colour and shape an arm, error bars, a dotted line along the front.

    Models of the same cost are drawn side by side, a little off their true place; the pop-up has
    the true figures. An estimated latency is an open marker.
    """
    arms = list(dict.fromkeys(p.arm for p in info.points))
    labelled = len(arms) <= MAX_LABELS
    axis = CostAxis.of(_costs(info))
    places = _places(info, axis)
    traces = [_front(info, places, say, dark)] if sum(info.front) > 1 else []
    traces += [_arm(info, arm, places, say, labelled) for arm in arms]
    y_range = finite_range(v for p in info.points for v in (p.low, p.high, p.value)) or [0.0, 1.0]
    return figure(
        traces,
        say,
        dark,
        HEIGHT + (0 if labelled else legend_px(len(arms))),
        xaxis={
            "title": say(Msg(f"axis.{info.x}")),
            **COST_AXIS[axis.log],
            "range": [axis.low, axis.high],
        },
        yaxis={"title": say(Msg(f"metric.{info.metric}.title")), "range": y_range},
        hovermode="closest",
        annotations=_labels(info, places, axis, y_range, say, dark) if labelled else [],
    )


def _places(info: TradeOff, axis: CostAxis) -> list[float]:
    arms = list(dict.fromkeys(p.arm for p in info.points))
    rank = [(arms.index(p.arm), p.seed) for p in info.points]
    return axis.side_by_side(_costs(info), rank)


def _costs(info: TradeOff) -> list[float]:
    return [getattr(p, info.x) / UNIT[info.x] for p in info.points]


def _labels(
    info: TradeOff,
    places: Sequence[float],
    axis: CostAxis,
    y_range: Sequence[float],
    say: Say,
    dark: bool,
) -> list[dict[str, object]]:
    """One name an arm, beside its best model, where it covers least."""
    sign = 1 if info.higher_is_better else -1
    best: dict[str, int] = {}
    for i, p in enumerate(info.points):
        if p.arm not in best or sign * p.value > sign * info.points[best[p.arm]].value:
            best[p.arm] = i
    low, high = y_range
    spots = [
        (axis.share(x), (p.value - low) / (high - low))
        for x, p in zip(places, info.points, strict=True)
    ]
    labels = [
        Label(shorten(arm_name(info.points[i].role, arm, say), 24), *spots[i])
        for arm, i in best.items()
    ]
    return [
        {
            "x": axis.position(places[i]),
            "y": info.points[i].value,
            "text": label.text,
            "showarrow": False,
            "bgcolor": veil(dark),
            "borderpad": 0,
            **vars(spot),
        }
        for i, label, spot in zip(best.values(), labels, place_labels(labels, spots), strict=True)
    ]


def _arm(info: TradeOff, arm: str, places: Sequence[float], say: Say, labelled: bool) -> go.Scatter:
    chosen = [(p, x) for p, x in zip(info.points, places, strict=True) if p.arm == arm]
    points = [p for p, _ in chosen]
    students = list(dict.fromkeys(p.arm for p in info.points if p.role not in ROLE_COLOURS))
    colour, symbol = role_style(points[0].role, arm, students)
    return go.Scatter(
        x=[x for _, x in chosen],
        y=[p.value for p in points],
        error_y={
            "type": "data",
            "array": [reach(p.high - p.value) for p in points],
            "arrayminus": [reach(p.value - p.low) for p in points],
            "thickness": 1.4,
            "width": 4,
        },
        mode="markers",
        name=shorten(arm_name(points[0].role, arm, say)),
        showlegend=not labelled,
        marker={
            "color": colour,
            "symbol": [symbol + ("-open" if _estimated(info, p) else "") for p in points],
            "size": _sizes(info, points),
            "line": {"width": 1.5},
            "opacity": 0.9,
        },
        text=[_hover(p, info.metric, say) for p in points],
        hovertemplate="%{text}<extra></extra>",
    )


def _estimated(info: TradeOff, point: ModelPoint) -> bool:
    return info.x == "latency_ms" and point.latency_source == "estimated"


def _sizes(info: TradeOff, points: Sequence[ModelPoint]) -> list[float]:
    if not info.area:
        return [13.0] * len(points)
    largest = max((getattr(p, info.area) or 0 for p in info.points), default=0) or 1
    low, high = MARKER_PX
    return [low + (high - low) * math.sqrt((getattr(p, info.area) or 0) / largest) for p in points]


def _front(info: TradeOff, places: Sequence[float], say: Say, dark: bool) -> go.Scatter:
    ends = sorted(
        (x, p.value) for p, x, on in zip(info.points, places, info.front, strict=True) if on
    )
    return go.Scatter(
        x=[x for x, _ in ends],
        y=[y for _, y in ends],
        mode="lines",
        name=say(Msg("figure.front")),
        showlegend=True,
        line={"dash": "dot", "width": 1.6, "color": faint(dark)},
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
