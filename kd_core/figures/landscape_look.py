"""How the landscape of models looks; what is true of it is in ``landscape.py``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from kd_core.figures.landscape import BAND, Cells, Dot, Landscape
from kd_core.figures.look import (
    COST_AXIS,
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

MARKER_PX, PLAIN_PX = (9, 30), 13.0
HEIGHT = 480
BARS_UP_TO = 40  # markers; of more, only those that matter have bars, which would hide the rest
TITLE_CHARS = 30  # of an axis's title, that fit on a phone
BARS = "▁▂▃▄▅▆▇█"


def landscape_figure(info: Landscape, say: Say, dark: bool = False) -> go.Figure:
    """One colour and shape a group; open markers are estimates, a ring is round the best."""
    groups = list(dict.fromkeys(dot.group for dot in info.dots))
    traces = [_rest(info.cells, say, dark)] if info.cells else []  # below everything else
    traces += [_path(info, path, dark) for path in info.paths]
    traces += [_front(info, say, dark)] if sum(dot.front for dot in info.dots) > 1 else []
    traces += [trace for group in groups for trace in _parts(info, group, say)]
    if info.chosen is not None:
        traces.append(_ring(info, info.chosen, say, dark))
    low, high = _cost_range(info)
    return figure(
        traces,
        say,
        dark,
        HEIGHT + legend_px(len(traces)),
        xaxis={
            "title": in_lines(say(Msg(f"cost.{info.x}"))),
            **COST_AXIS[info.log],
            "range": [low, high],
        },
        yaxis={
            "title": say(Msg(f"metric.{info.metric.partition(':')[0]}.title")),
            "range": finite_range(_scores(info)) or [0, 1],
        },
        hovermode="closest",
        clickmode="event+select",
    )


def in_lines(title: str) -> str:
    """A long title in two lines, so that a phone does not cut it.

    >>> in_lines("Energy for one image (mJ, estimated unless measured)")
    'Energy for one image (mJ,<br>estimated unless measured)'
    """
    if len(title) <= TITLE_CHARS:
        return title
    spaces = [place for place, letter in enumerate(title) if letter == " "]
    middle = min(spaces, key=lambda place: abs(place - len(title) / 2), default=None)
    return title if middle is None else f"{title[:middle]}<br>{title[middle + 1 :]}"


def _scores(info: Landscape) -> list[float]:
    drawn = [v for d in info.dots for v in (d.low, d.high, d.y)]
    return [*drawn, info.cells.y[0], info.cells.y[-1]] if info.cells else drawn


def _rest(cells: Cells, say: Say, dark: bool) -> dict[str, Any]:
    """Grey cells, the darker the more models."""
    shade = "255,255,255" if dark else "0,0,0"
    return {
        "type": "heatmap",
        "x": list(cells.x),
        "y": list(cells.y),
        "z": [[count or None for count in row] for row in cells.counts],
        "colorscale": [[0, f"rgba({shade},0.08)"], [1, f"rgba({shade},0.32)"]],
        "showscale": False,
        "hoverongaps": False,
        "hovertemplate": say(Msg("figure.shade_hover", {"n": "%{z}"})) + "<extra></extra>",
    }


def _cost_range(info: Landscape) -> tuple[float, float]:
    found = [v for d in info.dots for v in (d.x, d.x_low, d.x_high)]
    found += info.cells.x if info.cells else ()
    ends = [v for v in found if math.isfinite(v) and v > 0]
    if not ends:
        return 0.0, 1.0
    if info.log:
        low, high = math.log10(min(ends)), math.log10(max(ends))
        room = 0.08 * (high - low) or 0.2
        return low - room, high + room
    room = 0.08 * (max(ends) - min(ends)) or 0.2 * max(ends)
    return max(0.0, min(ends) - room), max(ends) + room


def _style(info: Landscape, group: str, role: str) -> tuple[str, str]:
    if role in ROLE_COLOURS:
        return ROLE_COLOURS[role], ROLE_SYMBOLS[role]
    place = [name for name in info.groups if name not in ROLE_COLOURS].index(group)
    return (
        STUDENT_COLOURS[place % len(STUDENT_COLOURS)],
        STUDENT_SYMBOLS[place % len(STUDENT_SYMBOLS)],
    )


def _parts(info: Landscape, group: str, say: Say) -> list[dict[str, Any]]:
    """The markers of a group; those without bars first, so that they lie below."""
    dots = [(place, dot) for place, dot in enumerate(info.dots) if dot.group == group]
    few = len(info.dots) <= BARS_UP_TO
    barred = [d for i, d in dots if few or d.front or d.role in ROLE_COLOURS or i == info.chosen]
    plain = [d for i, d in dots if d not in barred]
    parts = [_group(info, plain, say, bars=False)] if plain else []
    parts += [_group(info, barred, say, bars=True)] if barred else []
    for part in parts[1:]:
        part["showlegend"] = False
    return parts


def _group(info: Landscape, dots: list[Dot], say: Say, bars: bool) -> dict[str, Any]:
    group = dots[0].group
    colour, symbol = _style(info, group, dots[0].role)
    banded = bars and info.x in BAND
    by_role = group == dots[0].role
    return dict[str, Any](
        type="scatter",
        x=[dot.x for dot in dots],
        y=[dot.y for dot in dots],
        error_x=_bars([(d.x, d.x_low, d.x_high) for d in dots], 1.0) if banded else None,
        error_y=_bars([(d.y, d.low, d.high) for d in dots], 1.4) if bars else None,
        mode="markers",
        name=say(Msg(f"role.{group}")) if by_role else shorten(arm_name(dots[0].role, group, say)),
        legendgroup=group,
        marker={
            "color": colour,
            "symbol": _one([symbol + ("-open" if d.source == "estimated" else "") for d in dots]),
            "size": _one(_sizes(info, dots)),
            "line": {"width": 1.6},
            "opacity": 0.9,
        },
        customdata=_table(dots),
        hovertemplate=_one(_templates(info, dots, say)),
        selected={"marker": {"opacity": 0.9}},
        unselected={"marker": {"opacity": 0.9}},
    )


def _one(values: list[Any]) -> Any:
    """One value for all where they are equal: plotly checks every element of a list, slowly.

    >>> _one([1, 1]), _one([1, 2])
    (1, [1, 2])
    """
    return values[0] if len(set(values)) == 1 else values


def _table(dots: Sequence[Dot]) -> np.ndarray:
    """What the pop-ups need, (dots, fields): plotly copies a list of lists element by element."""
    table = np.empty((len(dots), len(FIELDS)), object)
    for place, dot in enumerate(dots):
        table[place] = _data(dot)
    return table


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


def _path(info: Landscape, path: Sequence[int], dark: bool) -> dict[str, Any]:
    dots = [info.dots[i] for i in path]
    return dict[str, Any](
        type="scatter",
        x=[d.x for d in dots],
        y=[known(d.y) for d in dots],
        mode="lines+markers",
        line={"width": 1.4, "color": faint(dark)},
        marker={"symbol": "arrow", "size": 9, "angleref": "previous", "color": faint(dark)},
        showlegend=False,
        hoverinfo="skip",
    )


def _front(info: Landscape, say: Say, dark: bool) -> dict[str, Any]:
    ends = sorted((d.x, d.y) for d in info.dots if d.front)
    return dict[str, Any](
        type="scatter",
        x=[x for x, _ in ends],
        y=[y for _, y in ends],
        mode="lines",
        name=say(Msg("figure.front")),
        line={"dash": "dot", "width": 1.6, "color": faint(dark)},
        hoverinfo="skip",
    )


def _ring(info: Landscape, place: int, say: Say, dark: bool) -> dict[str, Any]:
    dot = info.dots[place]
    size = _sizes(info, [dot])[0] + 12
    return dict[str, Any](
        type="scatter",
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


FIELDS = ("run", "name", "label", "low", "high", "n", "sd", "x_low", "x_high", "tier", "picture")


def _data(dot: Dot) -> list[Any]:
    """What the pop-up needs of a dot, in the order of ``FIELDS``; run and name are for a click."""
    return [
        dot.run, dot.name, dot.label, known(dot.low), known(dot.high), dot.n,
        known((dot.high - dot.low) / 2), known(dot.x_low), known(dot.x_high), dot.tier,
        spark(dot.shares),
    ]  # fmt: skip


def _templates(info: Landscape, dots: Sequence[Dot], say: Say) -> list[str]:
    """The pop-up's text for each dot: a sentence is rendered once a kind, the browser fills in."""
    kinds = [(dot.n > 1, dot.source == "estimated") for dot in dots]
    texts = {kind: _template(info, *kind, say) for kind in set(kinds)}
    return [texts[kind] for kind in kinds]


def _template(info: Landscape, averaged: bool, estimated: bool, say: Say) -> str:
    place = {name: f"%{{customdata[{i}]}}" for i, name in enumerate(FIELDS)}

    def number(name: str, digits: str) -> str:
        return f"%{{customdata[{FIELDS.index(name)}]:{digits}}}"

    score = {name: number(name, ".3f") for name in ("low", "high", "sd")}
    spread = Msg("figure.dot_seeds" if averaged else "figure.dot_interval",
                 {**score, "n": place["n"]})  # fmt: skip
    ends = {"x": "%{x:,.3~r}", "low": number("x_low", ",.2~r"), "high": number("x_high", ",.2~r")}
    cost = Msg("figure.dot_band" if estimated else "figure.dot_cost",
               {**ends, "tier": place["tier"]})  # fmt: skip
    text = say(
        Msg(
            "figure.dot_hover",
            {
                "label": place["label"],
                "metric": Msg(f"metric.{info.metric.partition(':')[0]}.title"),
                "value": "%{y:.3f}",
                "spread": spread,
                "axis": Msg(f"cost.{info.x}"),
                "cost": cost,
                "picture": place["picture"],
            },
        )
    )
    return f"{text}<extra></extra>"
