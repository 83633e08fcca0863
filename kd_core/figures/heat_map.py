"""A map of two numbers of distillation: the metric as colour, the noise level marked in it."""

from __future__ import annotations

import math
from collections.abc import Callable

import plotly.graph_objects as go

from kd_core.figures.cells import words_on
from kd_core.figures.look import Say, figure
from kd_core.study.grids import Map
from kd_core.text import Msg

BEST, NEAR = "★", "≈"
COLOURS = "Cividis"


def map_texts(found: Map, decimal: str = ".", digits: int = 3) -> tuple[tuple[str, ...], ...]:
    """What stands in each cell: the mean, ★ at the best, ≈ where noise does not tell from it."""
    rows = []
    for row, b in enumerate(found.ys):
        cells = []
        for column, a in enumerate(found.xs):
            value = found.mean[row][column]
            sign = BEST if found.best == (a, b) else NEAR if (row, column) in found.near else ""
            text = "" if math.isnan(value) else f"{value:.{digits}f}{sign}"
            cells.append(text.replace(".", decimal))
        rows.append(tuple(cells))
    return tuple(rows)


def map_figure(
    found: Map, say: Say, dark: bool = False, titled: Callable[[str], str] = str
) -> go.Figure:
    """Cells in equal steps, whatever the numbers' distances, so that none is too small to read.

    Args:
        found: The map.
        say: Renders messages.
        dark: Whether the page is.
        titled: What a person calls a number of ``study.grids.axes``, such as ``kd.T``.
    """
    x, y = titled(found.x), titled(found.y)
    decimal = say(Msg("figure.separators"))[0]
    trace = go.Heatmap(
        x=[f"{value:g}".replace(".", decimal) for value in found.xs],
        y=[f"{value:g}".replace(".", decimal) for value in found.ys],
        z=[[None if math.isnan(v) else v for v in row] for row in found.mean],
        colorscale=COLOURS,
        colorbar={"thickness": 12, "title": {"text": ""}},
        hovertemplate=f"{x} %{{x}}<br>{y} %{{y}}<br>%{{z:.4f}}<extra></extra>",
        xgap=2,
        ygap=2,
    )
    return figure(
        [trace, words_on(trace, map_texts(found, decimal), COLOURS)],
        say,
        dark,
        140 + 52 * max(2, len(found.ys)),
        xaxis={"title": say(Msg("figure.map_axis", {"of": x})), "type": "category"},
        yaxis={"title": say(Msg("figure.map_axis", {"of": y})), "type": "category"},
        showlegend=False,
    )
