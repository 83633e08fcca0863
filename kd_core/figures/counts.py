"""Images by class and part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import NAME_CHARS, PALETTE, Say, figure, named_ticks
from kd_core.text import Msg

MAX_CLASSES = 60
"""Classes drawn."""


@dataclass(frozen=True)
class ClassCounts:
    """Images by class in each part.

    Attributes:
        classes: Classes that are drawn.
        parts: Names of the parts.
        counts: One row a part.
        left_out: Number of classes that are not drawn.
    """

    classes: tuple[str, ...]
    parts: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    left_out: int = 0


def class_counts_info(counts: Mapping[str, Mapping[str, int]]) -> ClassCounts:
    """Counts by part and class; a class that a part lacks counts 0.

    Args:
        counts: By part (``train``, ``val``, ``test``), then by class.
    """
    classes = list(dict.fromkeys(name for part in counts.values() for name in part))
    drawn = classes[:MAX_CLASSES]
    return ClassCounts(
        tuple(drawn),
        tuple(counts),
        tuple(tuple(int(part.get(name, 0)) for name in drawn) for part in counts.values()),
        len(classes) - len(drawn),
    )


def class_counts_figure(info: ClassCounts, say: Say, dark: bool = False) -> go.Figure:
    """Horizontal bars, one class a row, so that long names stay readable."""
    places = list(range(len(info.classes)))
    most = max((n for row in info.counts for n in row), default=1) or 1
    traces = [
        go.Bar(
            y=places,
            x=row,
            orientation="h",
            name=say(Msg(f"part.{part}")),
            marker={"color": PALETTE[i % len(PALETTE)]},
            text=[say(Msg("figure.count", {"n": n})) for n in row],
            textposition="outside",
            cliponaxis=False,
            customdata=info.classes,
            hovertemplate="%{customdata}: %{text}<extra></extra>",
        )
        for i, (part, row) in enumerate(zip(info.parts, info.counts, strict=True))
    ]
    return figure(
        traces,
        say,
        dark,
        110 + len(places) * (18 * len(info.parts) + 8),
        barmode="group",
        xaxis={"title": say(Msg("axis.images")), "range": [0, most * 1.22]},
        yaxis={
            **named_ticks(info.classes, NAME_CHARS),
            "tickangle": 0,
            "range": [len(places) - 0.5, -0.5],
        },
    )
