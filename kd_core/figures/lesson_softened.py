"""From logits to softened probabilities of one image, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.look import (
    PALETTE,
    STUDENT_COLOURS,
    Say,
    figure,
    finite_range,
    ink,
    layout,
    shorten,
)
from kd_core.text import Msg

MOST_CLASSES = 12
"""Classes drawn; of more, those that teacher or student find likeliest, and the right one."""

NAME = 13
"""Letters of a class name: both panels must fit on a phone."""

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Softened:
    """What teacher and student say of one image.

    Attributes:
        classes: Classes that are drawn.
        right: Place of the right one among them.
        temperature: T.
        logits: The teacher's and the student's, each (K,).
        plain: The teacher's probabilities at T = 1.
        teacher: Its probabilities at T.
        student: The student's at T.
    """

    classes: tuple[str, ...]
    right: int
    temperature: float
    logits: tuple[tuple[float, ...], tuple[float, ...]]
    plain: tuple[float, ...]
    teacher: tuple[float, ...]
    student: tuple[float, ...]


def softened_info(
    classes: Sequence[str],
    right: int,
    temperature: float,
    logits: tuple[Array, Array],
    plain: Array,
    soft: tuple[Array, Array],
) -> Softened:
    """The classes to draw, in their own order.

    Args:
        classes: Names, K.
        right: Place of the right class.
        temperature: T.
        logits: Of teacher and student, each (K,).
        plain: The teacher's probabilities at T = 1, (K,).
        soft: Probabilities of teacher and student at T, each (K,).
    """
    likely = np.maximum(*soft)
    likely[right] = np.inf
    kept = np.sort(np.argsort(-likely, kind="stable")[:MOST_CLASSES])

    def pick(values: Array) -> tuple[float, ...]:
        return tuple(float(value) for value in values[kept])

    return Softened(
        tuple(classes[k] for k in kept),
        int(np.flatnonzero(kept == right)[0]),
        temperature,
        (pick(logits[0]), pick(logits[1])),
        pick(plain),
        pick(soft[0]),
        pick(soft[1]),
    )


def softened_figure(info: Softened, say: Say, dark: bool = False) -> go.Figure:
    """Logits on the left, probabilities on the right; a mark where the teacher is at T = 1."""
    k = len(info.classes)
    rows = list(range(k))
    names = [shorten(name, NAME) for name in info.classes]
    names[info.right] += " ✓"
    soft = {"T": info.temperature}
    made = figure(
        [
            *_pair(rows, *info.logits, say, "logit", ("x", False), soft),
            *_pair(rows, info.teacher, info.student, say, "soft", ("x2", True), soft),
            _at_one(info, say, dark),
        ],
        say,
        dark,
        140 + 54 * k,
        xaxis={
            "title": say(Msg("axis.logit")),
            "domain": [0, 0.36],
            "range": finite_range([0.0, *info.logits[0], *info.logits[1]]),
            "zeroline": True,
        },
        yaxis={
            "tickvals": rows,
            "ticktext": names,
            "range": [k - 0.5, -0.5],
            "showgrid": False,
        },
    )
    made.update_layout(xaxis2=_right_axis(soft, say, dark))
    return made


def _at_one(info: Softened, say: Say, dark: bool) -> go.Scatter:
    """Marks where the teacher is at T = 1."""
    return go.Scatter(
        x=info.plain,
        y=[row - 0.19 for row in range(len(info.classes))],
        mode="markers",
        name=say(Msg("figure.lesson.teacher_at_one")),
        marker={
            "symbol": "line-ns",
            "size": 15,
            "line": {"color": ink(dark), "width": 3},
            "color": ink(dark),
        },
        xaxis="x2",
        hovertemplate="%{x:.2%}<extra></extra>",
    )


def _right_axis(soft: dict[str, float], say: Say, dark: bool) -> dict[str, Any]:
    """The axis of the probabilities."""
    return {
        **layout(dark, 0)["xaxis"],
        "title": {
            "text": say(Msg("axis.softened", soft)),
            "standoff": 8,
            "font": {"size": 14},
        },
        "domain": [0.42, 1],
        "range": [0, 1.04],
        "tickformat": ".0%",
        "dtick": 0.5,
        "tickangle": 0,
    }


def _pair(
    rows: list[int],
    teacher: Sequence[float],
    student: Sequence[float],
    say: Say,
    what: str,
    axis: tuple[str, bool],
    soft: dict[str, float],
) -> list[go.Bar]:
    """Bars of both models in one panel; the legend names them once."""
    colours = {"teacher": PALETTE[0], "student": STUDENT_COLOURS[0]}
    number = ".2%" if what == "soft" else ".2f"
    return [
        go.Bar(
            x=values,
            y=[row + shift for row in rows],
            width=0.34,
            orientation="h",
            name=say(Msg(f"role.{role}")),
            legendgroup=role,
            showlegend=axis[1],
            marker={"color": colours[role], "pattern": {"shape": "/" if role != "teacher" else ""}},
            xaxis=axis[0],
            hovertemplate=f"{say(Msg(f'role.{role}'))}: %{{x:{number}}}<extra></extra>",
        )
        for role, values, shift in (("teacher", teacher, -0.19), ("student", student, 0.19))
    ]
