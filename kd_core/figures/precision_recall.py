"""Precision against recall of several models, with the prevalence drawn in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.evaluate.curves import PrecisionRecall
from kd_core.figures.look import DASHES, PALETTE, Say, faint, figure, shorten
from kd_core.text import Msg


@dataclass(frozen=True)
class PrecisionRecallPlot:
    """Several models' curves of one label, by name, on images of one prevalence."""

    label: str
    prevalence: float
    models: tuple[tuple[str, PrecisionRecall], ...]


def precision_recall_info(found: Mapping[str, PrecisionRecall]) -> PrecisionRecallPlot:
    """Curves by the model's name, all of the same label on the same images."""
    first = next(iter(found.values()), PrecisionRecall("", (), (), (), float("nan"), float("nan")))
    return PrecisionRecallPlot(first.label, first.prevalence, tuple(found.items()))


def precision_recall_figure(info: PrecisionRecallPlot, say: Say, dark: bool = False) -> go.Figure:
    """Steps from the highest threshold down; a guess lies on the dotted line of the prevalence."""
    traces = []
    if info.prevalence == info.prevalence:
        guess = Msg("figure.prevalence", {"prevalence": info.prevalence})
        traces.append(
            go.Scatter(
                x=[0, 1],
                y=[info.prevalence] * 2,
                mode="lines",
                line={"dash": "dot", "color": faint(dark)},
                name=say(guess),
                hoverinfo="skip",
            )
        )
    traces += [_curve(name, curve, i, say) for i, (name, curve) in enumerate(info.models)]
    return figure(
        traces,
        say,
        dark,
        400,
        xaxis={"title": say(Msg("axis.recall")), "range": [-0.02, 1.02]},
        yaxis={"title": say(Msg("axis.precision")), "range": [-0.02, 1.03]},
    )


def _curve(name: str, curve: PrecisionRecall, place: int, say: Say) -> go.Scatter:
    points = zip(curve.thresholds, curve.recall, curve.precision, strict=True)
    fields = {"label": name, "area": curve.average_precision}
    return go.Scatter(
        x=curve.recall,
        y=curve.precision,
        mode="lines",
        name=shorten(name),
        line={
            "color": PALETTE[place % len(PALETTE)],
            "dash": DASHES[place % len(DASHES)],
            "shape": "vh",  # as the average precision adds it up
        },
        text=[
            say(Msg("figure.recall_hover", {**fields, "t": t, "recall": r, "precision": p}))
            for t, r, p in points
        ],
        hovertemplate="%{text}<extra></extra>",
    )
