"""Which classes a model finds alike: its mean softened probabilities by true class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.cells import words_on
from kd_core.figures.confusion import SHADES, WRITTEN
from kd_core.figures.look import Say, faint, figure, ink, named_ticks
from kd_core.text import Msg


@dataclass(frozen=True)
class Similar:
    """Mean softened probability of each class (columns) over the images of one (rows).

    Attributes:
        classes: K names.
        shares: (K, K); NaN in the row of a class without images.
        marked: Class of the chosen image.
        temperature: T.
    """

    classes: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]
    marked: int
    temperature: float


def similar_info(
    classes: Sequence[str],
    probabilities: NDArray[np.float64],
    targets: NDArray[np.int64],
    marked: int,
    temperature: float,
) -> Similar:
    """Means over the images of each class.

    >>> soft = np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]])
    >>> similar_info(["a", "b"], soft, np.array([0, 0, 1]), 0, 4.0).shares
    ((0.7, 0.3), (0.1, 0.9))
    """
    rows = []
    for k in range(len(classes)):
        of_class = probabilities[targets == k]
        mean = of_class.mean(0) if len(of_class) else np.full(len(classes), np.nan)
        rows.append(tuple(round(float(value), 12) for value in mean))
    return Similar(tuple(classes), tuple(rows), marked, temperature)


def similar_figure(info: Similar, say: Say, dark: bool = False) -> go.Figure:
    """Wrong classes in colour, up to what an even guess would give; the right ones as numbers."""
    shares = np.array(info.shares)
    k = len(info.classes)
    own = np.eye(k, dtype=bool)
    ticks = named_ticks(info.classes, 12)
    wrong = _cells(np.where(own, np.nan, shares), info, say, SHADES[dark], 1 / k)
    right = _cells(np.where(own, shares, np.nan), info, say, _flat(dark), 1.0)
    return figure(
        [wrong, right, *_words(wrong, right, shares, say, dark)],
        say,
        dark,
        120 + 52 * min(k, 8) + 12 * min(max(k - 8, 0), 20),
        xaxis={"title": say(Msg("axis.lesson.thought")), "range": [-0.5, k - 0.5], **ticks},
        yaxis={"title": say(Msg("axis.true")), "range": [k - 0.5, -0.5], **ticks, "tickangle": 0},
        shapes=[_frame(info.marked, k, dark)],
    )


def _cells(
    shares: NDArray[np.float64], info: Similar, say: Say, colours: object, most: float
) -> go.Heatmap:
    k = len(info.classes)
    hover = [
        [
            say(Msg("figure.lesson.similar_hover", {"true": t, "other": o, "share": float(s)}))
            for o, s in zip(info.classes, row, strict=True)
        ]
        for t, row in zip(info.classes, shares, strict=True)
    ]
    return go.Heatmap(
        z=[[None if np.isnan(s) else float(s) for s in row] for row in shares],
        x=list(range(k)),
        y=list(range(k)),
        customdata=hover,
        colorscale=colours,
        zmin=0,
        zmax=most,
        xgap=1,
        ygap=1,
        showscale=False,
        hoverongaps=False,
        hovertemplate="%{customdata}<extra></extra>",
    )


def _words(
    wrong: go.Heatmap, right: go.Heatmap, shares: NDArray[np.float64], say: Say, dark: bool
) -> list[go.Scatter]:
    """The shares on both sorts of cells, each readable on its own; none for many classes."""
    k = len(shares)
    if k > WRITTEN:
        return []
    decimal, px = say(Msg("figure.separators"))[0], 14 if k <= 6 else 10
    texts = [[f"{s:.1%}".replace(".", decimal) for s in row] for row in shares]
    return [
        words_on(cells, texts, colours, px)
        for cells, colours in ((wrong, SHADES[dark]), (right, _flat(dark)))
    ]


def _flat(dark: bool) -> list[list[object]]:
    colour = "#2A333D" if dark else "#E9EDF1"
    return [[0, colour], [1, colour]]


def _frame(row: int, k: int, dark: bool) -> dict[str, object]:
    """Around the row of the chosen image's class."""
    return {
        "type": "rect",
        "x0": -0.5,
        "x1": k - 0.5,
        "y0": row - 0.5,
        "y1": row + 0.5,
        "line": {"color": ink(dark) if dark else faint(dark), "width": 2, "dash": "dot"},
    }
