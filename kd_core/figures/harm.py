"""Who loses and who gains: differences by class and by subgroup, with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.evaluate.harm import HarmRow
from kd_core.evaluate.paired import p_msg
from kd_core.figures.look import PALETTE, Say, faint, figure, finite_range, known, reach, shorten
from kd_core.text import Msg

ROW_PX = 26
NAME_CHARS = 30
POINTS = 100
"""Points of a difference, as the table beside it has them."""
HARMED, GAINED, UNCLEAR = PALETTE[5], PALETTE[2], PALETTE[6]


@dataclass(frozen=True)
class HarmPlot:
    """Rows from top to bottom; ``left_out`` have no figure."""

    first: str
    second: str
    rows: tuple[HarmRow, ...]
    left_out: int


def harm_info(rows: Sequence[HarmRow], first: str, second: str) -> HarmPlot:
    """The rows that have a figure.

    Args:
        rows: From :func:`kd_core.evaluate.harm.harm_table`.
        first: Name of the model that was there before.
        second: Name of the other.
    """
    kept = tuple(row for row in rows if row.undefined is None)
    return HarmPlot(first, second, kept, len(rows) - len(kept))


def harm_figure(info: HarmPlot, say: Say, dark: bool = False) -> go.Figure:
    """Points with intervals around 0; a hollow point rests on few patients."""
    rows = info.rows
    places = list(range(len(rows)))
    ends = [POINTS * v for row in rows for v in (row.difference, row.low, row.high)]
    points = go.Scatter(
        x=[known(POINTS * row.difference) for row in rows],
        y=places,
        error_x={
            "type": "data",
            "array": [reach(POINTS * (row.high - row.difference)) for row in rows],
            "arrayminus": [reach(POINTS * (row.difference - row.low)) for row in rows],
            "thickness": 1.4,
            "width": 3,
            "color": faint(dark),
        },
        mode="markers",
        marker={
            "color": [_colour(row) for row in rows],
            "symbol": ["diamond-open" if row.small else "diamond" for row in rows],
            "size": 11,
            "line": {"width": 2, "color": [_colour(row) for row in rows]},
        },
        showlegend=False,
        text=[_hover(row, info, say) for row in rows],
        hovertemplate="%{text}<extra></extra>",
    )
    line = {"color": faint(dark), "width": 1, "dash": "dot"}
    zero = {"type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper", "line": line}
    return figure(
        [points],
        say,
        dark,
        120 + ROW_PX * max(4, len(rows)),
        xaxis={"title": say(Msg("axis.harm")), "range": finite_range([0.0, *ends])},
        yaxis={
            "tickvals": places,
            "ticktext": [shorten(_name(row, say), NAME_CHARS) for row in rows],
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
        },
        shapes=[zero],
    )


def _colour(row: HarmRow) -> str:
    if row.p_holm < 0.05:
        return HARMED if row.difference < 0 else GAINED
    return UNCLEAR


def _name(row: HarmRow, say: Say) -> str:
    what = row.metric if row.kind == "class" else row.kind
    return say(Msg(f"harm.row.{what}", {"value": row.value, "column": row.column}))


def _hover(row: HarmRow, info: HarmPlot, say: Say) -> str:
    by = ("images", row.n_images) if row.n_patients is None else ("patients", row.n_patients)
    return say(
        Msg(
            "figure.harm_hover",
            {
                "row": _name(row, say),
                "metric": Msg(f"metric.{row.metric}.title"),
                "one": info.first,
                "two": info.second,
                "first": row.first,
                "second": row.second,
                "difference": row.difference,
                "low": row.low,
                "high": row.high,
                "p": p_msg(row.p_holm),
                "basis": Msg(f"verdict.n_{by[0]}", {"n": by[1]}),
            },
        )
    )
