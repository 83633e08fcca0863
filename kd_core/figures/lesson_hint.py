"""How far a student's maps are from its teacher's, epoch by epoch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import DASHES, PALETTE, Say, faint, figure, shorten
from kd_core.text import Msg, significant


@dataclass(frozen=True)
class Falling:
    """Errors by epoch.

    Attributes:
        stages: Names of the stages.
        mse: By stage, before training and after each epoch.
        chosen: Place of the stage that is looked at.
        at: Epoch that is looked at.
        average: Error of a student that always gives the average of the chosen stage's channels.
    """

    stages: tuple[str, ...]
    mse: tuple[tuple[float, ...], ...]
    chosen: int
    at: int
    average: float


def falling_info(
    stages: Sequence[str], mse: Sequence[Sequence[float]], chosen: int, at: int, average: float
) -> Falling:
    """Errors by epoch and stage, turned to one curve a stage.

    >>> falling_info(["a", "b"], [(3.0, 2.0), (1.0, 1.5)], 0, 1, 2.5).mse
    ((3.0, 1.0), (2.0, 1.5))
    """
    return Falling(tuple(stages), tuple(zip(*mse, strict=True)), chosen, at, average)


def falling_figure(info: Falling, say: Say, dark: bool = False) -> go.Figure:
    """The chosen stage thick, with its value at the chosen epoch; the others thin."""
    epochs = list(range(len(info.mse[0])))
    traces = [_line(info, number, epochs) for number in range(len(info.stages))]
    colour = PALETTE[info.chosen % len(PALETTE)]
    value = info.mse[info.chosen][info.at]
    traces += [
        go.Scatter(
            x=[0, epochs[-1]],
            y=[info.average, info.average],
            mode="lines",
            line={"color": faint(dark), "width": 1.5, "dash": "dashdot"},
            name=say(Msg("figure.lesson.average_map")),
            hovertemplate="%{y:.3~g}<extra></extra>",
        ),
        go.Scatter(
            x=[info.at],
            y=[value],
            mode="markers+text",
            marker={"size": 13, "color": colour, "line": {"width": 2, "color": faint(dark)}},
            text=[say(Msg("figure.lesson.mse", {"value": significant(value, 3)}))],
            textposition="top right" if info.at < epochs[-1] / 2 else "top left",
            textfont={"size": 15},
            showlegend=False,
            hoverinfo="skip",
        ),
    ]
    top = max(info.average, *(value for line in info.mse for value in line))
    return figure(
        traces,
        say,
        dark,
        300,
        xaxis={
            "title": say(Msg("axis.lesson.epoch")),
            "range": [-0.3, epochs[-1] + 0.3],
            "dtick": 1,
        },
        yaxis={"title": say(Msg("axis.lesson.mse")), "range": [0, top * 1.12]},
    )


def _line(info: Falling, number: int, epochs: list[int]) -> go.Scatter:
    chosen = number == info.chosen
    return go.Scatter(
        x=epochs,
        y=info.mse[number],
        mode="lines+markers" if chosen else "lines",
        line={
            "color": PALETTE[number % len(PALETTE)],
            "width": 3 if chosen else 1.5,
            "dash": DASHES[number % len(DASHES)],
        },
        opacity=1.0 if chosen else 0.75,
        name=shorten(info.stages[number]),
        hovertemplate=f"{info.stages[number]}<br>%{{x}}: %{{y:.3~g}}<extra></extra>",
    )
