"""The confusion matrix: what a model takes for what."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from kd_core.evaluate.kernels import confusion
from kd_core.evaluate.predictions import Predictions
from kd_core.figures.cells import words_on
from kd_core.figures.look import Say, figure, named_ticks
from kd_core.text import Msg

WRITTEN = 10
"""Classes up to which the numbers are written into the cells."""

SHADES = {False: "Blues", True: "Cividis"}
"""Colours in the light and in the dark theme; in both, little is near the page."""


@dataclass(frozen=True)
class Confusion:
    """Counts of true classes (rows) by predicted ones (columns)."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


def confusion_info(predictions: Predictions) -> Confusion:
    """Counts of a single-label model."""
    k = len(predictions.classes)
    weights = np.ones((1, len(predictions)))
    counts = confusion(predictions.predicted(), predictions.targets, k, weights)[0]
    return Confusion(predictions.classes, tuple(tuple(int(n) for n in row) for row in counts))


def confusion_figure(info: Confusion, say: Say, dark: bool = False) -> go.Figure:
    """The share of each true class as colour; counts and shares as numbers."""
    counts = np.array(info.counts)
    share = counts / np.maximum(1, counts.sum(1, keepdims=True))
    k = len(info.classes)
    hover = [
        [
            say(
                Msg(
                    "figure.cell_hover", {"true": t, "predicted": p, "n": int(n), "share": float(s)}
                )
            )
            for p, n, s in zip(info.classes, counts[i], share[i], strict=True)
        ]
        for i, t in enumerate(info.classes)
    ]
    heat = go.Heatmap(
        z=share,
        x=list(range(k)),
        y=list(range(k)),
        customdata=hover,
        colorscale=SHADES[dark],
        zmin=0,
        zmax=1,
        xgap=1,
        ygap=1,
        showscale=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    words = [
        [f"{n}<br>{s:.0%}" for n, s in zip(*row, strict=True)]
        for row in zip(counts, share, strict=True)
    ]
    written = [words_on(heat, words, SHADES[dark], 14 if k <= 6 else 11)] if k <= WRITTEN else []
    ticks = named_ticks(info.classes, 14)
    return figure(
        [heat, *written],
        say,
        dark,
        120 + 56 * min(k, 8) + 12 * min(max(k - 8, 0), 20),
        xaxis={"title": say(Msg("axis.predicted")), "range": [-0.5, k - 0.5], **ticks},
        yaxis={"title": say(Msg("axis.true")), "range": [k - 0.5, -0.5], **ticks, "tickangle": 0},
    )
