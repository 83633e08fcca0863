"""ROC curves of several models, and the operating points that are in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.evaluate.curves import RocCurve
from kd_core.evaluate.operating import OperatingPoint
from kd_core.figures.look import DASHES, PALETTE, SYMBOLS, Say, faint, figure, shorten
from kd_core.text import Msg


@dataclass(frozen=True)
class NamedRoc:
    """One model's curve, and its operating point, or ``None``."""

    name: str
    curve: RocCurve
    point: OperatingPoint | None


@dataclass(frozen=True)
class RocPlot:
    """Several models' curves of one label."""

    label: str
    models: tuple[NamedRoc, ...]


def roc_info(
    found: Mapping[str, RocCurve], points: Mapping[str, OperatingPoint] | None = None
) -> RocPlot:
    """Curves by the model's name.

    Args:
        found: Curves of the same label.
        points: Operating points by the model's name, with their rates on the images that they are
            drawn for.
    """
    label = next((curve.label for curve in found.values()), "")
    chosen = points or {}
    models = (NamedRoc(name, curve, chosen.get(name)) for name, curve in found.items())
    return RocPlot(label, tuple(models))


def roc_figure(info: RocPlot, say: Say, dark: bool = False) -> go.Figure:
    """Sensitivity against the share of false alarms; the diagonal is chance."""
    chance = go.Scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        line={"dash": "dot", "color": faint(dark)},
        name=say(Msg("figure.chance")),
        hoverinfo="skip",
    )
    traces = [chance]
    for i, model in enumerate(info.models):
        traces.append(_curve(model, i, say))
        if model.point is not None:
            traces.append(_point(model.name, model.point, i, say))
    return figure(
        traces,
        say,
        dark,
        400,
        xaxis={"title": say(Msg("axis.false_alarms")), "range": [-0.02, 1.02]},
        yaxis={"title": say(Msg("axis.sensitivity")), "range": [-0.02, 1.03]},
    )


def _curve(model: NamedRoc, place: int, say: Say) -> go.Scatter:
    curve = model.curve
    points = zip(curve.thresholds, curve.false_positive, curve.true_positive, strict=True)
    return go.Scatter(
        x=curve.false_positive,
        y=curve.true_positive,
        mode="lines",
        name=shorten(model.name),
        line={"color": PALETTE[place % len(PALETTE)], "dash": DASHES[place % len(DASHES)]},
        text=[
            say(
                Msg(
                    "figure.roc_hover",
                    {"label": model.name, "t": t, "false": f, "true": y, "area": curve.area},
                )
            )
            for t, f, y in points
        ],
        hovertemplate="%{text}<extra></extra>",
    )


def _point(name: str, point: OperatingPoint, place: int, say: Say) -> go.Scatter:
    false, true = 1 - point.specificity, point.sensitivity
    fields = {"label": name, "t": point.threshold, "false": false, "true": true}
    return go.Scatter(
        x=[false],
        y=[true],
        mode="markers",
        marker={
            "color": PALETTE[place % len(PALETTE)],
            "symbol": SYMBOLS[place % len(SYMBOLS)],
            "size": 11,
        },
        showlegend=False,
        text=[say(Msg("figure.point_hover", fields))],
        hovertemplate="%{text}<extra></extra>",
    )
