"""A layer's weights before and after rounding, with the grid that they are rounded to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.look import PALETTE, Say, faint, figure
from kd_core.text import Msg

BINS = 61
MOST_LINES = 40
"""Values of a grid that are drawn as lines; a finer one would only be grey."""


@dataclass(frozen=True)
class Grid:
    """Weights of one layer.

    Attributes:
        edges: Of the bins, from −max to max.
        before: Weights in each bin.
        after: Rounded ones in each bin; empty where nothing is rounded.
        values: The grid; empty where every channel has its own, and where it is too fine.
    """

    edges: tuple[float, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    values: tuple[float, ...]


def grid_info(
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    values: NDArray[np.float64],
    rounded: bool,
) -> Grid:
    """Counts in equal bins; an odd number of them, so that zero is in the middle of one.

    Args:
        before: Weights of any shape.
        after: The same weights on their grid.
        values: The one grid of all, if there is one.
        rounded: Whether anything was rounded.

    >>> found = grid_info(np.array([-1.0, 0.2, 1.0]), np.array([-1.0, 0, 1]), np.zeros(0), True)
    >>> sum(found.before), found.after[BINS // 2]
    (3, 1)
    """
    most = float(np.abs(before).max()) or 1.0
    edges = np.linspace(-most, most, BINS + 1) * (1 + 1e-9)

    def counted(weights: NDArray[np.float64]) -> tuple[int, ...]:
        return tuple(int(n) for n in np.histogram(weights, edges)[0])

    few = values if len(values) <= MOST_LINES else values[:0]
    return Grid(
        tuple(edges.tolist()),
        counted(before),
        counted(after) if rounded else (),
        tuple(few.tolist()),
    )


def grid_figure(info: Grid, say: Say, dark: bool = False) -> go.Figure:
    """Filled bars before, outlined bars after, and thin lines at the grid."""
    middles = [(a + b) / 2 for a, b in zip(info.edges[:-1], info.edges[1:], strict=True)]
    width = info.edges[1] - info.edges[0]
    traces = [
        go.Bar(
            x=middles,
            y=info.before,
            width=width,
            name=say(Msg("figure.lesson.grid.before")),
            marker={"color": PALETTE[4], "line": {"width": 0}},
            opacity=0.75,
            hovertemplate="%{x:.3f}: %{y}<extra></extra>",
        )
    ]
    if info.after:
        traces.append(
            go.Bar(
                x=middles,
                y=info.after,
                width=width,
                name=say(Msg("figure.lesson.grid.after")),
                marker={
                    "color": "rgba(0,0,0,0)",
                    "line": {"width": 2, "color": PALETTE[5]},
                },
                hovertemplate="%{x:.3f}: %{y}<extra></extra>",
            )
        )
    return figure(
        traces,
        say,
        dark,
        300,
        xaxis={"title": say(Msg("axis.lesson.weight")), "range": [info.edges[0], info.edges[-1]]},
        yaxis={"title": say(Msg("axis.lesson.weights")), "rangemode": "tozero"},
        barmode="overlay",
        bargap=0,
        shapes=[_line(value, dark) for value in info.values],
    )


def _line(value: float, dark: bool) -> dict[str, Any]:
    """A value of the grid over the whole height."""
    return {
        "type": "line",
        "x0": value,
        "x1": value,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
        "line": {"color": faint(dark), "width": 1, "dash": "dot"},
    }
