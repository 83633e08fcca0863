"""What cutting channels costs and saves: accuracy and work against the share that is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import DASHES, PALETTE, SYMBOLS, Say, faint, figure, ink
from kd_core.text import Msg


@dataclass(frozen=True)
class CutCurves:
    """Shares by ratio.

    Attributes:
        ratios: Share of the channels that is cut, 0 first.
        curves: ``cut``, ``recalibrated`` and ``macs`` (left, of the whole network's), by ratio;
            what was not done is left out.
        at: Place of the ratio that is looked at.
    """

    ratios: tuple[float, ...]
    curves: tuple[tuple[str, tuple[float, ...]], ...]
    at: int


def cuts_info(
    ratios: Sequence[float],
    scores: Sequence[float],
    recalibrated: Sequence[float],
    macs: Sequence[int],
    at: int,
) -> CutCurves:
    """Curves over the same ratios.

    Args:
        ratios: Shares that are cut; the first is 0.
        scores: Accuracy after each cut.
        recalibrated: The same after batch norms measured anew; empty where that was not done.
        macs: Multiply-accumulates that are left of the whole network.
        at: Place of the chosen ratio.

    >>> cuts_info((0.0, 0.5), (0.9, 0.7), (), (200, 80), 1).curves
    (('cut', (0.9, 0.7)), ('macs', (1.0, 0.4)))
    """
    left = tuple(value / macs[0] for value in macs)
    curves = (("cut", tuple(scores)), ("recalibrated", tuple(recalibrated)), ("macs", left))
    return CutCurves(tuple(ratios), tuple(curve for curve in curves if curve[1]), at)


def cuts_figure(info: CutCurves, say: Say, dark: bool = False) -> go.Figure:
    """Accuracy in colour, work in grey, and a line at the chosen share."""
    colours = {"cut": PALETTE[5], "recalibrated": PALETTE[0], "macs": faint(dark)}
    traces = []
    for number, (name, values) in enumerate(info.curves):
        traces.append(
            go.Scatter(
                x=info.ratios,
                y=values,
                mode="lines+markers",
                name=say(Msg(f"figure.lesson.cuts.{name}")),
                line={"color": colours[name], "width": 2.5, "dash": DASHES[number]},
                marker={
                    "symbol": SYMBOLS[number],
                    "size": [15 if place == info.at else 7 for place in range(len(values))],
                },
                hovertemplate="%{x:.0%}: %{y:.1%}<extra></extra>",
            )
        )
    return figure(
        traces,
        say,
        dark,
        330,
        xaxis={
            "title": say(Msg("axis.lesson.cut")),
            "range": [-0.03, max(info.ratios) + 0.03],
            "tickformat": ".0%",
            "dtick": 0.1,
        },
        yaxis={"title": "", "range": [0, 1.05], "tickformat": ".0%", "dtick": 0.25},
        shapes=[
            {
                "type": "line",
                "x0": info.ratios[info.at],
                "x1": info.ratios[info.at],
                "y0": 0,
                "y1": 1.05,
                "line": {"color": ink(dark), "width": 1.5, "dash": "dot"},
            }
        ],
    )
