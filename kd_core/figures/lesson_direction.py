"""What each class adds to the divergence, from the teacher to the student and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.look import NAME_CHARS, PALETTE, Say, figure, finite_range, named_ticks
from kd_core.text import Msg

MOST_CLASSES = 12
"""Classes drawn; of more, those that add or take most."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Direction:
    """Contributions in nats.

    Attributes:
        classes: Classes that are drawn.
        forward: ``p_k ln(p_k / q_k)`` of each: KL(teacher ‖ student).
        reverse: ``q_k ln(q_k / p_k)``: KL(student ‖ teacher).
        sums: Both divergences, over all classes.
        temperature: T.
    """

    classes: tuple[str, ...]
    forward: tuple[float, ...]
    reverse: tuple[float, ...]
    sums: tuple[float, float]
    temperature: float


def direction_info(classes: Sequence[str], p: Array, q: Array, temperature: float) -> Direction:
    """Both directions.

    Args:
        classes: Names, K.
        p: The teacher's softened probabilities, (K,).
        q: The student's.
        temperature: T.
    """
    apart = np.log(p) - np.log(q)
    forward, reverse = p * apart, -q * apart
    size = np.maximum(np.abs(forward), np.abs(reverse))
    kept = np.sort(np.argsort(-size, kind="stable")[:MOST_CLASSES])
    return Direction(
        tuple(classes[k] for k in kept),
        tuple(float(value) for value in forward[kept]),
        tuple(float(value) for value in reverse[kept]),
        (float(forward.sum()), float(reverse.sum())),
        temperature,
    )


def direction_figure(info: Direction, say: Say, dark: bool = False) -> go.Figure:
    """Two bars a class; what lies left of 0 takes away, and each sum is above 0."""
    k = len(info.classes)
    both = {"forward": (info.forward, PALETTE[0]), "reverse": (info.reverse, PALETTE[3])}
    traces = [
        go.Bar(
            x=values,
            y=list(range(k)),
            orientation="h",
            name=say(Msg(f"figure.lesson.{name}", {"sum": info.sums[i]})),
            marker={"color": colour, "pattern": {"shape": "/" if i else ""}},
            hovertemplate="%{x:.4f}<extra></extra>",
        )
        for i, (name, (values, colour)) in enumerate(both.items())
    ]
    return figure(
        traces,
        say,
        dark,
        150 + 50 * k,
        barmode="group",
        xaxis={
            "title": say(Msg("axis.lesson.nats")),
            "range": finite_range([0.0, *info.forward, *info.reverse]),
            "zeroline": True,
        },
        yaxis={
            **named_ticks(info.classes, NAME_CHARS),
            "tickangle": 0,
            "range": [k - 0.5, -0.5],
        },
    )
