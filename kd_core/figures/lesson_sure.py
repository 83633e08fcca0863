"""How sure models are of the right class, over all images: easy ones on the right."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from numpy.typing import NDArray

from kd_core.figures.look import DASHES, PALETTE, STUDENT_COLOURS, Say, figure
from kd_core.text import Msg

BINS = 20

COLOURS = {"teacher": PALETTE[0], "student": STUDENT_COLOURS[0]}


@dataclass(frozen=True)
class Sureness:
    """One model's probability of the right class.

    Attributes:
        role: ``teacher`` or ``student``.
        shares: Share of the images in each of :data:`BINS` equal bins from 0 to 1.
        marked: The chosen image's.
    """

    role: str
    shares: tuple[float, ...]
    marked: float


@dataclass(frozen=True)
class Sure:
    """How sure each model is at one temperature."""

    models: tuple[Sureness, ...]
    temperature: float


def sure_info(of_right: Mapping[str, NDArray[np.float64]], row: int, temperature: float) -> Sure:
    """Shares of images by probability of the right class.

    Args:
        of_right: By role the softened probability of each image's right class, (n,).
        row: The chosen image.
        temperature: T.

    >>> sure_info({"teacher": np.array([0.99, 0.98, 0.51])}, 2, 1.0).models[0].marked
    0.51
    """
    models = []
    for role, values in of_right.items():
        counts, _ = np.histogram(values, BINS, (0.0, 1.0))
        shares = tuple(float(n) for n in counts / max(1, len(values)))
        models.append(Sureness(role, shares, float(values[row])))
    return Sure(tuple(models), temperature)


def sure_figure(info: Sure, say: Say, dark: bool = False) -> go.Figure:
    """Steps of both models over the same bins, and a line at the chosen image."""
    edges = np.linspace(0, 1, BINS + 1)
    top = math.ceil(10 * max(share for model in info.models for share in model.shares) + 0.1) / 10
    traces: list[go.Scatter] = []
    for i, model in enumerate(info.models):
        colour = COLOURS[model.role]
        name = say(Msg(f"role.{model.role}"))
        traces += [
            go.Scatter(
                x=edges.tolist(),
                y=[*model.shares, model.shares[-1]],
                mode="lines",
                line={"shape": "hv", "color": colour, "width": 2.5, "dash": DASHES[i]},
                fill="tozeroy" if i == 0 else None,
                name=name,
                hovertemplate=f"{name}: %{{y:.1%}}<extra></extra>",
            ),
            go.Scatter(
                x=[model.marked],
                y=[top],
                mode="markers+lines",
                marker={"symbol": "triangle-down", "size": 14, "color": colour},
                error_y={"type": "data", "array": [0], "arrayminus": [top], "width": 0,
                         "color": colour, "thickness": 1.6},
                name=say(Msg("figure.lesson.this_image", {"model": Msg(f"role.{model.role}")})),
                hovertemplate="%{x:.1%}<extra></extra>",
            ),
        ]  # fmt: skip
    return figure(
        traces,
        say,
        dark,
        380,
        xaxis={
            "title": say(Msg("axis.lesson.of_right")),
            "range": [0, 1.02],
            "tickformat": ".0%",
        },
        yaxis={
            "title": say(Msg("axis.lesson.share_of_images")),
            "range": [0, 1.06 * top],
            "tickformat": ".0%",
        },
    )
