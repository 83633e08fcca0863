"""Who teaches whom, and when: boxes and arrows that move along the curves of a real training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from kd_core.figures.lesson_diagram import (
    BOX_H,
    BOX_W,
    LABELS,
    Arrow,
    Box,
    ModeRun,
    ends,
    moments,
    now,
)
from kd_core.figures.look import DASHES, PALETTE, Say, faint, figure, finite_range, ink
from kd_core.text import Msg

FRAME_MS = 100
SIGNS = (("▶", "play"), ("■", "stop"))
COLOURS = {
    "student": PALETTE[2],
    "teacher": PALETTE[0],
    "earlier": PALETTE[0],
    "peer-1": PALETTE[3],
    "exit-1": PALETTE[4],
    "exit-2": PALETTE[5],
    LABELS: PALETTE[6],
}


def modes_figure(info: ModeRun, say: Say, dark: bool = False) -> go.Figure:
    """The diagram above the curves, and a button that plays it from beginning to end."""
    still = [*_curves(info, say, dark), *(_arrow(info, arrow) for arrow in info.arrows)]
    drawn = figure(
        [*still, *_moving(info, say, dark)],
        say,
        dark,
        600,
        xaxis={"domain": [0, 1], "anchor": "y", "range": [0, info.phases + 0.02]}
        | _phase_ticks(info, say),
        yaxis={
            "domain": [0, 0.42],
            "title": say(Msg(f"metric.{info.metric}.title")),
            "range": finite_range(info.heights),
        },
    )
    bare = {"visible": False, "fixedrange": True}
    drawn.update_layout(
        xaxis2={"range": [0, 10], "anchor": "y2", **bare},
        yaxis2={"range": [0, 4], "domain": [0.5, 1], "anchor": "x2", **bare},
        showlegend=False,
        shapes=[*(_shape(box, dark) for box in info.boxes), *_borders(info, dark)],
        annotations=[*(_name(box, say, dark) for box in info.boxes), *_alone_name(info, say, dark)],
        updatemenus=[_buttons(info, say, len(still))],
    )
    return drawn


# --- what stands still --------------------------------------------------------------------------


def _curves(info: ModeRun, say: Say, dark: bool) -> list[dict[str, Any]]:
    """One line a network, and a grey one of the student alone."""
    traces = []
    for i, curve in enumerate((*info.curves, info.alone)):
        alone = curve is info.alone
        xs, ys = _columns(curve.points())
        traces.append(
            {
                "type": "scatter",
                "x": xs,
                "y": ys,
                "mode": "lines",
                "line": {
                    "color": faint(dark) if alone else COLOURS[curve.name],
                    "width": 1.5 if alone else 2.5,
                    "dash": "dot" if alone else DASHES[i % len(DASHES)],
                },
                "hovertemplate": f"{_called(curve.name, say)}: %{{y:.3f}}<extra></extra>",
            }
        )
    return traces


def _phase_ticks(info: ModeRun, say: Say) -> dict[str, Any]:
    names = [say(Msg(f"figure.lesson.phase.{info.mode}.{i}")) for i in range(info.phases)]
    if info.mode == "offline" and info.phases == 2 and len(info.curves) == 1:
        names[0] = say(Msg("figure.lesson.phase.unseen"))
    return {
        "tickvals": [i + 0.5 for i in range(info.phases)],
        "ticktext": [_two_lines(name) for name in names],
        "tickangle": 0,
        "showgrid": False,
    }


def _two_lines(text: str) -> str:
    """A text broken near its middle, so that two of them fit side by side on a phone."""
    words = text.split()
    half = max(1, len(words) // 2)
    return "<br>".join(" ".join(part) for part in (words[:-half], words[-half:]) if part)


def _borders(info: ModeRun, dark: bool) -> list[dict[str, Any]]:
    """A line between two phases."""
    line = {"color": faint(dark), "width": 1, "dash": "dot"}
    return [
        {"type": "line", "x0": at, "x1": at, "yref": "y domain", "y0": 0, "y1": 1, "line": line}
        for at in range(1, info.phases)
    ]


def _shape(box: Box, dark: bool) -> dict[str, Any]:
    return {
        "type": "rect",
        "xref": "x2",
        "yref": "y2",
        "x0": box.x - BOX_W / 2,
        "x1": box.x + BOX_W / 2,
        "y0": box.y - BOX_H / 2,
        "y1": box.y + BOX_H / 2,
        "line": {"color": COLOURS[box.name], "width": 2},
        "fillcolor": "rgba(16,21,28,1)" if dark else "rgba(255,255,255,1)",
    }


def _name(box: Box, say: Say, dark: bool) -> dict[str, Any]:
    return {
        "xref": "x2",
        "yref": "y2",
        "x": box.x,
        "y": box.y,
        "text": _called(box.name, say),
        "showarrow": False,
        "font": {"size": 13, "color": ink(dark)},
    }


def _alone_name(info: ModeRun, say: Say, dark: bool) -> list[dict[str, Any]]:
    """What the grey line is, at its beginning."""
    points = info.alone.points()
    if not points:
        return []
    return [
        {
            "x": points[0][0],
            "y": points[0][1],
            "text": _called("alone", say),
            "showarrow": False,
            "xanchor": "left",
            "yanchor": "top",
            "font": {"size": 12, "color": faint(dark)},
        }
    ]


def _called(name: str, say: Say) -> str:
    return say(Msg(f"figure.lesson.box.{name}"))


# --- what moves ---------------------------------------------------------------------------------


def _moving(info: ModeRun, say: Say, dark: bool) -> list[dict[str, Any]]:
    """The two traces that move: heads on the curves, dots on the arrows."""
    heads, dots = _places(info, info.moment)
    line = {"color": ink(dark), "width": 2}
    called = [_called(name, say) for name, _, _ in now(info, info.moment).heads]
    return [
        {
            "type": "scatter",
            "mode": "markers",
            "hovertemplate": "%{text}: %{y:.3f}<extra></extra>",
            "text": called,
            **heads,
            "marker": {**heads["marker"], "size": 15, "line": line},
        },
        {
            "type": "scatter",
            "mode": "markers",
            "xaxis": "x2",
            "yaxis": "y2",
            "hoverinfo": "skip",
            **dots,
            "marker": {**dots["marker"], "size": 17, "line": line},
        },
    ]


def _places(info: ModeRun, moment: float) -> tuple[dict[str, Any], dict[str, Any]]:
    """Places and colours of heads and of dots."""
    at = now(info, moment)
    heads, dots = (
        {
            "x": [round(x, 4) for _, x, _ in group],
            "y": [round(y, 4) for _, _, y in group],
            "marker": {"color": [COLOURS[name] for name, _, _ in group]},
        }
        for group in (at.heads, at.dots)
    )
    return heads, dots


def _columns(points: Sequence[tuple[float, float]]) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def _arrow(info: ModeRun, arrow: Arrow) -> dict[str, Any]:
    (x0, y0), (x1, y1) = ends(info, arrow)
    colour = COLOURS[arrow.source]
    return {
        "type": "scatter",
        "x": [x0, x1],
        "y": [y0, y1],
        "xaxis": "x2",
        "yaxis": "y2",
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2.5, "dash": "solid" if arrow.phase else "dash"}
        if info.phases > 1
        else {"color": colour, "width": 2.5},
        "marker": {
            "opacity": 1,
            "symbol": "arrow",
            "angleref": "previous",
            "size": [0, 15],
            "color": colour,
        },
        "hoverinfo": "skip",
    }


def _buttons(info: ModeRun, say: Say, first: int) -> dict[str, Any]:
    """Play from the beginning, and stop; pictures are given as they are, which is quick."""
    traces = [first, first + 1]
    pictures = [{"data": list(_places(info, at)), "traces": traces} for at in moments(info)]
    play = {"frame": {"duration": FRAME_MS, "redraw": False}, "transition": {"duration": 0}}
    stop = {"mode": "immediate", "frame": {"duration": 0, "redraw": False}}
    texts = [f"{sign} " + say(Msg(f"figure.lesson.{what}")) for sign, what in SIGNS]
    return {
        "type": "buttons",
        "direction": "left",
        "x": 0,
        "y": 0.46,
        "xanchor": "left",
        "yanchor": "middle",
        "showactive": False,
        "bgcolor": "rgba(128,128,128,0.25)",
        "buttons": [
            {"label": texts[0], "method": "animate", "args": [pictures, play]},
            {"label": texts[1], "method": "animate", "args": [[None], stop]},
        ],
    }
