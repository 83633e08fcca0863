"""Three images as two triangles: how far apart they are to the teacher and to the student."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import DASHES, PALETTE, STUDENT_COLOURS, Say, figure, ink
from kd_core.text import Msg

COLOURS = {"teacher": PALETTE[0], "student": STUDENT_COLOURS[0]}
Point = tuple[float, float]


@dataclass(frozen=True)
class Triangle:
    """Three images as one model sees them.

    Attributes:
        role: ``teacher`` or ``student``.
        sides: Distances AB, AC and BC in units of their mean.
        degrees: Angles at A, B and C.
    """

    role: str
    sides: tuple[float, float, float]
    degrees: tuple[float, float, float]

    @property
    def corners(self) -> tuple[Point, Point, Point]:
        """A at the origin, B to the right of it, C above."""
        ab, ac, _ = self.sides
        turn = math.radians(self.degrees[0])
        return (0.0, 0.0), (ab, 0.0), (ac * math.cos(turn), ac * math.sin(turn))


@dataclass(frozen=True)
class Triangles:
    """Both models' triangles, and the classes of A, B and C."""

    models: tuple[Triangle, ...]
    classes: tuple[str, str, str]


def triangle_info(role: str, sides: Sequence[float], cosines: Sequence[float]) -> Triangle:
    """A triangle from its sides AB, AC, BC and the cosines of its angles at A, B, C.

    >>> triangle_info("teacher", (1.0, 1.0, 1.0), (0.5, 0.5, 0.5)).degrees[0]
    60.0
    """
    degrees = (round(math.degrees(math.acos(min(1.0, max(-1.0, c)))), 9) for c in cosines)
    return Triangle(role, (sides[0], sides[1], sides[2]), (*degrees,))  # type: ignore[arg-type]


def triangles_figure(info: Triangles, say: Say, dark: bool = False) -> go.Figure:
    """Both over each other, laid with A on A and B in the same direction."""
    traces: list[go.Scatter] = []
    for number, model in enumerate(info.models):
        corners = model.corners
        closed = [*corners, corners[0]]
        name = say(Msg(f"role.{model.role}"))
        traces.append(
            go.Scatter(
                x=[x for x, _ in closed],
                y=[y for _, y in closed],
                mode="lines+markers",
                line={"color": COLOURS[model.role], "width": 3, "dash": DASHES[number]},
                marker={"size": 9, "symbol": ("square", "diamond")[number]},
                name=name,
                customdata=[
                    say(
                        Msg(
                            "figure.lesson.corner",
                            {"name": letter, "class": of, "degrees": round(angle, 1)},
                        )
                    )
                    for letter, of, angle in _round(info.classes, model)
                ],
                hovertemplate=f"{name}<br>%{{customdata}}<extra></extra>",
            )
        )
    traces += [_letters(model, dark) for model in info.models]
    everything = [point for model in info.models for point in model.corners]
    right, top = max(x for x, _ in everything), max(y for _, y in everything)
    left = min(x for x, _ in everything)
    return figure(
        traces,
        say,
        dark,
        360,
        xaxis={
            "title": say(Msg("axis.lesson.mean_distances")),
            "range": [left - 0.25, right + 0.25],
            "constrain": "domain",
            "dtick": 0.5,
        },
        yaxis={"range": [-0.22, top + 0.22], "scaleanchor": "x", "dtick": 0.5},
    )


def _round(classes: tuple[str, str, str], model: Triangle) -> list[tuple[str, str, float]]:
    """Letter, class and angle along the closed line A, B, C, A."""
    corners = list(zip("ABC", classes, model.degrees, strict=True))
    return [*corners, corners[0]]


def _letters(model: Triangle, dark: bool) -> go.Scatter:
    """The names of the corners in the model's colour; A is the same for both."""
    teacher = model.role == "teacher"
    corners = list(zip("ABC", model.corners, strict=True))[0 if teacher else 1 :]
    below = "bottom center" if teacher else "bottom right"
    colour = COLOURS[model.role] if not dark else ink(dark)
    return go.Scatter(
        x=[x for _, (x, _) in corners],
        y=[y for _, (_, y) in corners],
        mode="text",
        text=[f"<b>{letter}</b>" for letter, _ in corners],
        textposition=["top center" if letter == "C" else below for letter, _ in corners],
        textfont={"size": 16, "color": colour},
        showlegend=False,
        hoverinfo="skip",
    )
