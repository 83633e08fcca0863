"""Chains of compression as paths on the trade-off figure: from the origin, step by step."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, shorten
from kd_core.figures.trade_off import UNIT, TradeOff

ARROW_PX = 11


@dataclass(frozen=True)
class ChainPath:
    """One chain on the plot.

    Attributes:
        name: Of the chain.
        x: Cost of the origin and of each step, a median over seeds, in the axis's unit.
        y: The metric, a mean over seeds.
    """

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


def chain_paths(
    info: TradeOff, chains: Sequence[tuple[str, Sequence[str]]]
) -> tuple[ChainPath, ...]:
    """Where each chain goes; a step that is not drawn is passed over.

    Args:
        info: The trade-off plot.
        chains: Name and arms of each chain, the origin first.
    """
    found = []
    for name, arms in chains:
        groups = [[p for p in info.points if p.arm == arm] for arm in arms]
        x = [
            statistics.median(getattr(p, info.x) / UNIT[info.x] for p in group)
            for group in groups
            if group
        ]
        y = [statistics.fmean(p.value for p in group) for group in groups if group]
        if len(x) > 1:
            found.append(ChainPath(name, tuple(x), tuple(y)))
    return tuple(found)


def add_paths(figure: go.Figure, paths: Sequence[ChainPath]) -> go.Figure:
    """The figure with one line a chain, an arrow at each step, behind the models."""
    traces = [
        go.Scatter(
            x=path.x,
            y=path.y,
            mode="lines+markers",
            name=shorten(path.name),
            showlegend=True,
            hoverinfo="name",
            line={"width": 1.6, "color": colour},
            marker={"symbol": "arrow", "size": ARROW_PX, "angleref": "previous", "color": colour},
            opacity=0.65,
        )
        for path, colour in zip(paths, itertools.cycle(PALETTE), strict=False)
    ]
    return go.Figure(data=(*traces, *figure.data), layout=figure.layout)
