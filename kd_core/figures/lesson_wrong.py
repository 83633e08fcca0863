"""What goes wrong, more and more: numbers over the amount, and models at a metric's ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import DASHES, PALETTE, SYMBOLS, Say, faint, figure, reach
from kd_core.text import Msg

COLOURS = (PALETTE[5], PALETTE[0], PALETTE[2], PALETTE[3])
ROLES = {"teacher": PALETTE[0], "baseline": PALETTE[1], "student": PALETTE[2]}


@dataclass(frozen=True)
class Amounts:
    """Numbers in [0, 1] over how much is wrong.

    Attributes:
        case: Which of the four.
        amounts: Shares, from nothing to all.
        values: One row a number, in the order in which they are drawn.
        names: Of the numbers; text ``figure.lesson.wrong.<name>``.
        at: Place of the chosen amount.
    """

    case: str
    amounts: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]
    at: int


def amounts_info(
    case: str, amounts: Sequence[float], rows: Mapping[str, Sequence[float]], at: int
) -> Amounts:
    """The record of some numbers by name, one value an amount.

    >>> amounts_info("leak", (0.0, 1.0), {"seen": [0.5, 0.9]}, 1).values
    ((0.5, 0.9),)
    """
    values = tuple(tuple(float(v) for v in row) for row in rows.values())
    return Amounts(case, tuple(amounts), values, tuple(rows), at)


def amounts_figure(info: Amounts, say: Say, dark: bool = False) -> go.Figure:
    """Lines with the chosen amount marked large, and its values written beside it."""
    traces = []
    for i, (name, row) in enumerate(zip(info.names, info.values, strict=True)):
        colour, called = COLOURS[i], say(Msg(f"figure.lesson.wrong.{name}"))
        sizes = [16 if place == info.at else 6 for place in range(len(row))]
        traces.append(
            go.Scatter(
                x=info.amounts,
                y=row,
                mode="lines+markers",
                name=called,
                line={"color": colour, "width": 3, "dash": DASHES[i % len(DASHES)]},
                marker={"size": sizes, "symbol": SYMBOLS[i], "color": colour, "opacity": 1},
                hovertemplate=f"{called}: %{{y:.3f}}<extra></extra>",
            )
        )
    drawn = figure(
        traces,
        say,
        dark,
        400 + 22 * len(info.names),
        xaxis={
            "title": say(Msg(f"axis.lesson.wrong.{info.case}")),
            "range": [-0.04, 1.06],
            "tickformat": ".0%",
            "tickvals": list(info.amounts),
        },
        yaxis={"range": [-0.03, 1.05], "tickformat": ".0%"},
    )
    line = {"color": faint(dark), "width": 1.5, "dash": "dot"}
    drawn.add_vline(x=info.amounts[info.at], line=line, layer="below")
    return drawn.update_layout(legend={"orientation": "v", "y": 1.02, "yanchor": "bottom"})


@dataclass(frozen=True)
class Scored:
    """One model on the images that are left: share of right answers and its 95 % interval."""

    role: str
    right: float
    low: float
    high: float


@dataclass(frozen=True)
class Ceiling:
    """Models below the highest value that there can be."""

    models: tuple[Scored, ...]
    images: int


def ceiling_figure(info: Ceiling, say: Say, dark: bool = False) -> go.Figure:
    """A point with its interval for each model, and the ceiling as a line."""
    names = [say(Msg(f"role.{model.role}")) for model in info.models]
    traces = [
        go.Scatter(
            x=[model.right],
            y=[name],
            mode="markers+text",
            text=[f"{model.right:.1%}"],
            textposition="top center",
            marker={"size": 14, "symbol": SYMBOLS[i], "color": ROLES[model.role]},
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [reach(model.high - model.right)],
                "arrayminus": [reach(model.right - model.low)],
                "thickness": 3,
                "width": 8,
                "color": ROLES[model.role],
            },
            showlegend=False,
            hovertemplate=f"{name}: {model.low:.1%} – {model.high:.1%}<extra></extra>",
        )
        for i, (name, model) in enumerate(zip(names, info.models, strict=True))
    ]
    low = min(model.low for model in info.models)
    drawn = figure(
        traces,
        say,
        dark,
        330,
        xaxis={
            "title": say(Msg("axis.lesson.wrong.ceiling", {"n": info.images})),
            "range": [low - 0.12 * (1 - low) - 0.005, 1 + 0.12 * (1 - low) + 0.005],
            "tickformat": ".1%",
        },
        yaxis={"range": [len(names) - 0.4, -0.8], "showgrid": False},
    )
    drawn.add_vline(x=1.0, line={"color": PALETTE[5], "width": 3})
    return drawn
