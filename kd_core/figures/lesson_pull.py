"""How hard the teacher pulls at the student's logits, with T² and without, against T."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import DASHES, PALETTE, Say, faint, figure, ink
from kd_core.text import Msg

TICKS = (0.5, 1, 2, 4, 8, 20)


@dataclass(frozen=True)
class Pull:
    """Mean lengths of gradients in the student's logits.

    Attributes:
        temperatures: T.
        with_square: Of ``T² · KL`` at each.
        without: Of KL alone.
        labels: Of the cross-entropy with the labels, which T does not change.
        chosen: The T of the control.
    """

    temperatures: tuple[float, ...]
    with_square: tuple[float, ...]
    without: tuple[float, ...]
    labels: float
    chosen: float


def pull_info(
    temperatures: Sequence[float],
    pulls: Sequence[tuple[float, float]],
    labels: float,
    chosen: float,
) -> Pull:
    """The curves.

    Args:
        temperatures: T.
        pulls: With T² and without, for each.
        labels: Of the cross-entropy.
        chosen: The T of the control.
    """
    return Pull(
        tuple(temperatures),
        tuple(with_square for with_square, _ in pulls),
        tuple(without for _, without in pulls),
        labels,
        chosen,
    )


def pull_figure(info: Pull, say: Say, dark: bool = False) -> go.Figure:
    """Two curves over a logarithmic T, a line for the labels, and marks at the chosen T."""
    traces = _curves(info, say, dark)
    most = max(*info.with_square, *info.without, info.labels)
    return figure(
        traces,
        say,
        dark,
        400,
        xaxis={
            "title": say(Msg("axis.lesson.temperature")),
            "type": "log",
            "tickvals": list(TICKS),
            "ticktext": [
                f"{tick:g}".replace(".", say(Msg("figure.separators"))[0]) for tick in TICKS
            ],
        },
        yaxis={"title": say(Msg("axis.lesson.gradient")), "range": [0, 1.08 * most or 1.0]},
        shapes=[
            {
                "type": "line",
                "x0": info.chosen,
                "x1": info.chosen,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "line": {"color": ink(dark), "width": 1.2, "dash": "dash"},
            }
        ],
    )


def _curves(info: Pull, say: Say, dark: bool) -> list[go.Scatter]:
    curves = {
        "with_square": (info.with_square, PALETTE[0], "diamond"),
        "without": (info.without, PALETTE[5], "circle"),
    }
    traces = []
    for i, (name, (values, colour, symbol)) in enumerate(curves.items()):
        marked = [13 if t == info.chosen else 5 for t in info.temperatures]
        traces.append(
            go.Scatter(
                x=info.temperatures,
                y=values,
                mode="lines+markers",
                name=say(Msg(f"figure.lesson.{name}")),
                line={"color": colour, "width": 2.5, "dash": DASHES[i]},
                marker={"symbol": symbol, "size": marked, "color": colour},
                hovertemplate="T = %{x}: %{y:.4f}<extra></extra>",
            )
        )
    traces.append(
        go.Scatter(
            x=[info.temperatures[0], info.temperatures[-1]],
            y=[info.labels, info.labels],
            mode="lines",
            name=say(Msg("figure.lesson.of_labels")),
            line={"color": faint(dark), "width": 2, "dash": "dot"},
            hovertemplate="%{y:.4f}<extra></extra>",
        )
    )
    return traces
