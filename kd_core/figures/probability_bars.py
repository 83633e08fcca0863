"""What several models say of one image: a bar a class and model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, STUDENT_COLOURS, Say, figure, ink, shorten
from kd_core.text import Msg

MOST_CLASSES = 14
"""Classes drawn; of more, those that any model finds likeliest."""

COLOURS = (PALETTE[0], *STUDENT_COLOURS)
"""Of the models in their order; the first is the teacher."""

_BAR_PX, _GAP_PX = 15, 14


@dataclass(frozen=True)
class Answered:
    """One model's probabilities of one image.

    Attributes:
        name: The model.
        raw: As the file gives them, (K,).
        calibrated: At the fitted temperature, (K,); empty where none was fitted.
        thresholds: From which probability a class counts as present, (K,); empty where the
            likeliest class is the answer.
    """

    name: str
    raw: tuple[float, ...]
    calibrated: tuple[float, ...] = ()
    thresholds: tuple[float, ...] = ()

    @property
    def shown(self) -> tuple[float, ...]:
        """The probabilities to read: calibrated where they exist."""
        return self.calibrated or self.raw


@dataclass(frozen=True)
class ProbabilityBars:
    """Probabilities by class (rows) of several models.

    Attributes:
        classes: Classes that are drawn.
        models: The models with these classes only.
        left_out: Number of classes that are not drawn.
    """

    classes: tuple[str, ...]
    models: tuple[Answered, ...]
    left_out: int = 0


def probability_bars_info(classes: Sequence[str], models: Sequence[Answered]) -> ProbabilityBars:
    """The classes to draw, in their own order.

    >>> both = [Answered("teacher", (0.9, 0.1)), Answered("student", (0.4, 0.6))]
    >>> probability_bars_info(["healthy", "ring"], both).left_out
    0
    """
    rank = {k: max(model.shown[k] for model in models) for k in range(len(classes))}
    kept = sorted(sorted(rank, key=lambda k: -rank[k])[:MOST_CLASSES])
    return ProbabilityBars(
        tuple(classes[k] for k in kept),
        tuple(_only(model, kept) for model in models),
        len(classes) - len(kept),
    )


def _only(model: Answered, kept: Sequence[int]) -> Answered:
    def pick(values: tuple[float, ...]) -> tuple[float, ...]:
        return tuple(values[k] for k in kept) if values else ()

    return Answered(model.name, pick(model.raw), pick(model.calibrated), pick(model.thresholds))


def probability_bars_figure(info: ProbabilityBars, say: Say, dark: bool = False) -> go.Figure:
    """Bars from 0 to 1; a thin mark at the raw value, a dashed line at the threshold."""
    n, k = len(info.models), len(info.classes)
    step = 0.8 / max(1, n)
    traces: list[go.Bar | go.Scatter] = []
    for i, model in enumerate(info.models):
        places = [row - 0.4 + step * (i + 0.5) for row in range(k)]
        hover = [
            say(Msg("figure.probability_hover", _fields(model, name, row)))
            for row, name in enumerate(info.classes)
        ]
        traces.append(
            go.Bar(
                x=model.shown,
                y=places,
                width=step * 0.86,
                orientation="h",
                name=shorten(model.name),
                marker={"color": COLOURS[i % len(COLOURS)]},
                text=hover,
                textposition="none",
                hovertemplate="%{text}<extra></extra>",
            )
        )
        if model.calibrated:
            traces.append(_mark(model.raw, places, "line-ns", ink(dark), step))
        if model.thresholds:
            traces.append(_mark(model.thresholds, places, "diamond-tall-open", ink(dark), step))
    return figure(
        traces,
        say,
        dark,
        90 + k * (n * _BAR_PX + _GAP_PX),
        barmode="overlay",
        xaxis={"title": say(Msg("axis.probability")), "range": [0, 1.02], "tickformat": ".0%"},
        yaxis={
            "tickvals": list(range(k)),
            "ticktext": [shorten(name, 18) for name in info.classes],
            "range": [k - 0.5, -0.5],
            "showgrid": False,
        },
    )


def _fields(model: Answered, name: str, row: int) -> dict[str, object]:
    value, raw = model.shown[row], model.raw[row]
    return {"label": model.name, "class": name, "value": value, "raw": raw}


def _mark(
    values: Sequence[float], places: Sequence[float], symbol: str, colour: str, step: float
) -> go.Scatter:
    size = max(7, round(step * 30))
    line = {"color": colour, "width": 2}
    return go.Scatter(
        x=values,
        y=places,
        mode="markers",
        marker={"symbol": symbol, "size": size, "color": colour, "line": line},
        showlegend=False,
        hoverinfo="skip",
    )
