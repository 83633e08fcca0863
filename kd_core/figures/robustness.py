"""A figure against the severity of a corruption, one small plot a corruption."""

from __future__ import annotations

import math
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from kd_core.evaluate.robustness import Robustness, RobustnessCurve
from kd_core.figures.decision import band
from kd_core.figures.look import (
    DASHES,
    PALETTE,
    SYMBOLS,
    Say,
    finite_range,
    known,
    layout,
    legend_px,
    shorten,
)
from kd_core.text import Msg

COLUMNS = 3
ROW_PX = 230


@dataclass(frozen=True)
class RobustnessPlot:
    """Curves of several models.

    Attributes:
        metric: Entry of ``METRICS``.
        models: Names of the models, in order.
        corruptions: Entries of ``CORRUPTIONS``, one small plot each.
        curves: All of them.
    """

    metric: str
    models: tuple[str, ...]
    corruptions: tuple[str, ...]
    curves: tuple[RobustnessCurve, ...]


def robustness_info(found: Robustness) -> RobustnessPlot:
    """The curves, and what they are of."""
    return RobustnessPlot(
        found.metric,
        tuple(dict.fromkeys(curve.model for curve in found.curves)),
        tuple(dict.fromkeys(curve.corruption for curve in found.curves)),
        found.curves,
    )


def robustness_figure(info: RobustnessPlot, say: Say, dark: bool = False) -> go.Figure:
    """Small plots with one scale; veils are 95 % intervals."""
    rows = max(1, math.ceil(len(info.corruptions) / COLUMNS))
    titles = [say(Msg(f"corruption.{name}.title")) for name in info.corruptions]
    made = make_subplots(
        rows,
        COLUMNS,
        subplot_titles=titles,
        shared_yaxes=True,
        horizontal_spacing=0.03,
        vertical_spacing=0.16,
    )
    for curve in info.curves:
        place, at = info.models.index(curve.model), info.corruptions.index(curve.corruption)
        where = {"row": at // COLUMNS + 1, "col": at % COLUMNS + 1}
        for trace in (*_veil(curve, place), _line(curve, place, at == 0, say)):
            made.add_trace(trace, **where)
    height = ROW_PX * rows + 40 + legend_px(len(info.models))
    shared = layout(dark, height, separators=say(Msg("figure.separators")))
    axis = {key: shared["xaxis"][key] for key in ("gridcolor", "linecolor", "zeroline")}
    shared.pop("xaxis"), shared.pop("yaxis")
    shared["legend"] = {**shared["legend"], "y": 1.0 + 34 / (ROW_PX * rows)}
    shared["margin"] = {**shared["margin"], "t": 64}
    made.update_layout(**shared)
    made.update_xaxes(**axis, dtick=1, title=None)
    made.update_yaxes(**axis, range=_range(info))
    made.update_xaxes(title=say(Msg("axis.severity")), row=rows, col=1)
    made.update_yaxes(title=say(Msg(f"metric.{info.metric}.title")), col=1)
    return made


def _range(info: RobustnessPlot) -> list[float] | None:
    return finite_range(
        v for curve in info.curves for at in curve.levels for v in (at.value, at.low, at.high)
    )


def _veil(curve: RobustnessCurve, place: int) -> list[go.Scatter]:
    held = [at for at in curve.levels if math.isfinite(at.low)]
    if not held:
        return []
    x, low, high = ([getattr(at, n) for at in held] for n in ("severity", "low", "high"))
    return [band(x, low, high, place)]


def _line(curve: RobustnessCurve, place: int, named: bool, say: Say) -> go.Scatter:
    title = Msg(f"corruption.{curve.corruption}.title")
    return go.Scatter(
        x=[at.severity for at in curve.levels],
        y=[known(at.value) for at in curve.levels],
        mode="lines+markers",
        name=shorten(curve.model),
        legendgroup=curve.model,
        showlegend=named,
        line={"color": PALETTE[place % len(PALETTE)], "dash": DASHES[place % len(DASHES)]},
        marker={"symbol": SYMBOLS[place % len(SYMBOLS)], "size": 7},
        text=[
            say(
                Msg(
                    "figure.severity_hover",
                    {
                        "label": curve.model,
                        "corruption": title,
                        "severity": at.severity,
                        "value": at.value,
                        "low": at.low,
                        "high": at.high,
                    },
                )
            )
            for at in curve.levels
        ],
        hovertemplate="%{text}<extra></extra>",
    )
