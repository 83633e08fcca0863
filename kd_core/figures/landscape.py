"""Accuracy against a cost on one device: many models, their bands, chains as paths, the front."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kd_core.evaluate.pareto import front_of_two
from kd_core.figures.cost_axis import CostAxis
from kd_core.figures.look import (
    ROLE_COLOURS,
    ROLE_SYMBOLS,
    STUDENT_COLOURS,
    STUDENT_SYMBOLS,
    Say,
    arm_name,
    faint,
    figure,
    finite_range,
    ink,
    known,
    legend_px,
    shorten,
)
from kd_core.text import Msg

UNIT = {
    "latency_ms": 1.0, "size_bytes": 1e6, "macs": 1e6, "ram_bytes": 1e6, "energy_mj": 1.0,
    "params": 1e6,
}  # fmt: skip
"""What one unit of each axis on the screen is: ms, MB, millions, MB, mJ, millions."""

BAND = {"latency_ms": ("low_ms", "high_ms"), "energy_mj": ("energy_low_mj", "energy_high_mj")}
"""Columns with the ends of a cost's band."""

MAX_DOTS = 300
"""Models drawn: the front, teacher and baselines first, then the best. More only slow the page."""

MAX_ARMS = 8
"""Arms up to which each has a colour of its own; beyond, colours show roles."""

MARKER_PX, PLAIN_PX = (9, 30), 13.0
HEIGHT = 480
BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True)
class Dot:
    """One model, or the mean of one over seeds; NaN where a figure does not exist.

    Attributes:
        label: What it is called.
        group: What its colour stands for: an arm, or a role.
        x: Its cost in the unit of the axis; ``x_low`` and ``x_high`` are the band.
        y: The metric; ``low`` and ``high`` are what the bar shows.
        n: Seeds that are averaged; 1 for a single one.
        area: The quantity of the marker's area, in its own unit.
        source: measured, estimated or none.
        run: Opened by a click.
        name: Model within the run.
        shares: Score by class, for the small picture in the pop-up.
    """

    label: str
    group: str
    role: str
    run: str
    name: str
    x: float
    x_low: float
    x_high: float
    y: float
    low: float
    high: float
    n: int
    source: str
    tier: str = ""
    area: float = math.nan
    front: bool = False
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Landscape:
    """What the plot shows.

    Attributes:
        x: Entry of :data:`UNIT`.
        metric: What is upwards.
        area: Entry of :data:`UNIT`, or empty.
        log: Whether the cost axis is logarithmic.
        dots: In the order in which they are drawn.
        paths: Chains of compression: places of dots, from the origin on.
        chosen: Place of the recommended dot, or ``None``.
        left_out: Models beyond what is drawn.
        unknown: Models without a coordinate.
    """

    x: str
    metric: str
    area: str
    log: bool
    dots: tuple[Dot, ...]
    paths: tuple[tuple[int, ...], ...] = ()
    chosen: int | None = None
    left_out: int = 0
    unknown: int = 0


def landscape_info(
    models: pd.DataFrame,
    x: str,
    metric: str,
    *,
    higher_is_better: bool = True,
    area: str = "",
    log: bool | None = None,
    chosen: tuple[str, str] | None = None,
) -> Landscape:
    """What is true of these models.

    Args:
        models: From ``study.budget.candidates`` or ``singles``, with the costs joined.
        x: The cost axis, an entry of :data:`UNIT`.
        metric: What the column ``value`` is.
        higher_is_better: Which way is up.
        area: Third quantity, an entry of :data:`UNIT`.
        log: Logarithmic or not; ``None`` decides by the spread.
        chosen: Run and name of the recommended model.
    """
    cost = models[x].to_numpy(float) / UNIT[x]
    value = models["value"].to_numpy(float)
    has = np.isfinite(cost) & np.isfinite(value) & (cost > 0)
    front = np.zeros(len(models), bool)
    front[has] = front_of_two(value[has] if higher_is_better else -value[has], cost[has])
    sign = 1.0 if higher_is_better else -1.0
    special = models["role"].isin(("teacher", "baseline")).to_numpy()
    few = special.sum() <= MAX_DOTS // 4
    first = front | (special if few else False)
    order = np.lexsort((-sign * value, ~first))
    drawn = np.sort(order[has[order]][:MAX_DOTS])
    rows = models.iloc[drawn]
    dots = _dots(rows, x, area, front[drawn], metric)
    place = next((i for i, d in enumerate(dots) if chosen == (d.run, d.name)), None)
    costs = [dot.x for dot in dots]
    return Landscape(
        x=x,
        metric=metric,
        area=area,
        log=CostAxis.of(costs).log if log is None else log,
        dots=dots,
        paths=_paths(rows),
        chosen=place,
        left_out=int(has.sum()) - len(dots),
        unknown=int((~has).sum()),
    )


def _dots(rows: pd.DataFrame, x: str, area: str, front: np.ndarray, metric: str) -> tuple[Dot, ...]:
    count = len(rows)
    arms = rows["arm"].nunique()
    group = rows["arm"] if arms <= MAX_ARMS else rows["role"]
    low, high = BAND.get(x, ("", ""))
    nothing = np.full(count, np.nan)
    table: dict[str, Any] = {
        "label": _names(rows),
        "group": group,
        "role": rows["role"],
        "run": rows["run"],
        "name": rows["name"],
        "x": rows[x].to_numpy(float) / UNIT[x],
        "x_low": rows[low].to_numpy(float) / UNIT[x] if low else nothing,
        "x_high": rows[high].to_numpy(float) / UNIT[x] if high else nothing,
        "y": rows["value"].to_numpy(float),
        "low": rows["low"].to_numpy(float),
        "high": rows["high"].to_numpy(float),
        "n": rows["n"],
        "source": rows["source"] if x in BAND else ["measured"] * count,
        "tier": rows["tier"] if x in BAND else [""] * count,
        "area": rows[area].to_numpy(float) / UNIT[area] if area else nothing,
        "front": front.tolist(),
    }
    shares = [c for c in rows.columns if str(c).startswith("value.sensitivity:")]
    found = rows[shares].to_numpy(float) if shares else np.empty((count, 0))
    columns = [*table.values(), [tuple(map(float, row)) for row in found]]
    return tuple(Dot(*fields) for fields in zip(*columns, strict=True))


def _names(rows: pd.DataFrame) -> list[str]:
    """Key of one run, or the arm where seeds are averaged; a chain's step behind it."""
    averaged = (rows["n"] > 1).to_numpy()
    names = np.where(averaged, rows["arm"], rows["key"])
    return [
        f"{name} · {model}" if step else str(name)
        for name, step, model in zip(names, rows["step"], rows["name"], strict=True)
    ]


def _paths(rows: pd.DataFrame) -> tuple[tuple[int, ...], ...]:
    """Places of each chain's models, its origin first where that is drawn."""
    table = rows.reset_index(drop=True)
    of_chain = table["step"] > 0
    if not of_chain.any():
        return ()
    one_each = (table["n"] > 1).any()
    seed = pd.Series(0, index=table.index) if one_each else table["seed"]
    paths = []
    for (study, _, at), chain in table[of_chain].groupby(
        [table["study"], table["arm"], seed], sort=False
    ):
        origin = chain["origin"].iloc[0]
        start = table.index[(table["study"] == study) & (table["arm"] == origin)]
        same = [i for i in start if one_each or seed[i] == at] or list(start[:1])
        steps = chain.sort_values("step").index
        if len(same) + len(steps) > 1:
            paths.append((*map(int, same[:1]), *map(int, steps)))
    return tuple(paths)


# --- how it looks -------------------------------------------------------------------------------


def landscape_figure(info: Landscape, say: Say, dark: bool = False) -> go.Figure:
    """One colour and shape a group; open markers are estimates, a ring is round the best."""
    groups = list(dict.fromkeys(dot.group for dot in info.dots))
    traces = [_path(info, path, dark) for path in info.paths]
    traces += [_front(info, say, dark)] if sum(dot.front for dot in info.dots) > 1 else []
    traces += [_group(info, group, groups, say) for group in groups]
    if info.chosen is not None:
        traces.append(_ring(info, info.chosen, say, dark))
    low, high = _cost_range(info)
    return figure(
        traces,
        say,
        dark,
        HEIGHT + legend_px(len(traces)),
        xaxis={
            "title": say(Msg(f"cost.{info.x}")),
            "type": "log" if info.log else "linear",
            "dtick": "D2" if info.log else None,
            "range": [low, high],
        },
        yaxis={
            "title": say(Msg(f"metric.{info.metric.partition(':')[0]}.title")),
            "range": finite_range(v for d in info.dots for v in (d.low, d.high, d.y)) or [0, 1],
        },
        hovermode="closest",
        clickmode="event+select",
    )


def _cost_range(info: Landscape) -> tuple[float, float]:
    ends = [v for d in info.dots for v in (d.x, d.x_low, d.x_high) if math.isfinite(v) and v > 0]
    if not ends:
        return 0.0, 1.0
    if info.log:
        low, high = math.log10(min(ends)), math.log10(max(ends))
        room = 0.08 * (high - low) or 0.2
        return low - room, high + room
    room = 0.08 * (max(ends) - min(ends)) or 0.2 * max(ends)
    return max(0.0, min(ends) - room), max(ends) + room


def _style(group: str, role: str, groups: Sequence[str]) -> tuple[str, str]:
    if role in ROLE_COLOURS:
        return ROLE_COLOURS[role], ROLE_SYMBOLS[role]
    place = groups.index(group)
    return (
        STUDENT_COLOURS[place % len(STUDENT_COLOURS)],
        STUDENT_SYMBOLS[place % len(STUDENT_SYMBOLS)],
    )


def _group(info: Landscape, group: str, groups: Sequence[str], say: Say) -> go.Scatter:
    dots = [dot for dot in info.dots if dot.group == group]
    colour, symbol = _style(group, dots[0].role, groups)
    banded = info.x in BAND
    by_role = group == dots[0].role
    return go.Scatter(
        x=[dot.x for dot in dots],
        y=[dot.y for dot in dots],
        error_x=_bars([(d.x, d.x_low, d.x_high) for d in dots], 1.0) if banded else None,
        error_y=_bars([(d.y, d.low, d.high) for d in dots], 1.4),
        mode="markers",
        name=say(Msg(f"role.{group}")) if by_role else shorten(arm_name(dots[0].role, group, say)),
        marker={
            "color": colour,
            "symbol": [symbol + ("-open" if d.source == "estimated" else "") for d in dots],
            "size": _sizes(info, dots),
            "line": {"width": 1.6},
            "opacity": 0.9,
        },
        customdata=[[dot.run, dot.name] for dot in dots],
        text=[_hover(dot, info, say) for dot in dots],
        hovertemplate="%{text}<extra></extra>",
        selected={"marker": {"opacity": 0.9}},
        unselected={"marker": {"opacity": 0.9}},
    )


def _bars(ends: Sequence[tuple[float, float, float]], thickness: float) -> dict[str, Any]:
    over = [max(0.0, h - v) if math.isfinite(h) else 0.0 for v, _, h in ends]
    under = [max(0.0, v - low) if math.isfinite(low) else 0.0 for v, low, _ in ends]
    return {
        "type": "data", "array": over, "arrayminus": under, "thickness": thickness, "width": 3,
    }  # fmt: skip


def _sizes(info: Landscape, dots: Sequence[Dot]) -> list[float]:
    if not info.area:
        return [PLAIN_PX] * len(dots)
    largest = max((d.area for d in info.dots if math.isfinite(d.area)), default=0) or 1
    low, high = MARKER_PX
    shares = [d.area / largest if math.isfinite(d.area) else 0.0 for d in dots]
    return [low + (high - low) * math.sqrt(share) for share in shares]


def _path(info: Landscape, path: Sequence[int], dark: bool) -> go.Scatter:
    dots = [info.dots[i] for i in path]
    return go.Scatter(
        x=[d.x for d in dots],
        y=[known(d.y) for d in dots],
        mode="lines+markers",
        line={"width": 1.4, "color": faint(dark)},
        marker={"symbol": "arrow", "size": 9, "angleref": "previous", "color": faint(dark)},
        showlegend=False,
        hoverinfo="skip",
    )


def _front(info: Landscape, say: Say, dark: bool) -> go.Scatter:
    ends = sorted((d.x, d.y) for d in info.dots if d.front)
    return go.Scatter(
        x=[x for x, _ in ends],
        y=[y for _, y in ends],
        mode="lines",
        name=say(Msg("figure.front")),
        line={"dash": "dot", "width": 1.6, "color": faint(dark)},
        hoverinfo="skip",
    )


def _ring(info: Landscape, place: int, say: Say, dark: bool) -> go.Scatter:
    dot = info.dots[place]
    size = _sizes(info, [dot])[0] + 12
    return go.Scatter(
        x=[dot.x],
        y=[dot.y],
        mode="markers",
        name=say(Msg("figure.recommended")),
        marker={
            "symbol": "circle-open",
            "size": size,
            "color": ink(dark),
            "line": {"width": 2.4},
        },
        hoverinfo="skip",
    )


def spark(shares: Sequence[float]) -> str:
    """A score by class as small bars; a dot where there is none.

    >>> spark([0.0, 0.5, 1.0])
    '▁▅█'
    """
    last = len(BARS) - 1
    return "".join(BARS[round(s * last)] if math.isfinite(s) else "·" for s in shares)


def _hover(dot: Dot, info: Landscape, say: Say) -> str:
    spread = "figure.dot_seeds" if dot.n > 1 else "figure.dot_interval"
    fields = {"low": dot.low, "high": dot.high, "n": dot.n, "sd": (dot.high - dot.low) / 2}
    band = "figure.dot_band" if dot.source == "estimated" else "figure.dot_cost"
    ends = {"x": dot.x, "low": dot.x_low, "high": dot.x_high, "tier": dot.tier}
    return say(
        Msg(
            "figure.dot_hover",
            {
                "label": dot.label,
                "metric": Msg(f"metric.{info.metric.partition(':')[0]}.title"),
                "value": dot.y,
                "spread": Msg(spread, fields),
                "axis": Msg(f"cost.{info.x}"),
                "cost": Msg(band, ends),
                "picture": spark(dot.shares),
            },
        )
    )
