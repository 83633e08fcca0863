"""Which layers cost the milliseconds: estimated time by layer, for one model or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.figures.look import PALETTE, Say, figure, named_ticks
from kd_core.text import Msg

MAX_LAYERS = 16
"""Layers named; the others are added up."""


@dataclass(frozen=True)
class LayerBar:
    """One layer of one model."""

    name: str
    kind: str
    ms: float


@dataclass(frozen=True)
class LayerTimes:
    """The dearest layers of each model, and what is left.

    Attributes:
        models: Names of the models.
        layers: For each model its dearest layers, the dearest first.
        rest_ms: For each model the time of all others together.
        rest_n: And how many they are.
    """

    models: tuple[str, ...]
    layers: tuple[tuple[LayerBar, ...], ...]
    rest_ms: tuple[float, ...]
    rest_n: tuple[int, ...]


def layer_times_info(times: Mapping[str, Sequence[LayerBar]]) -> LayerTimes:
    """The dearest layers by model.

    >>> bars = [LayerBar("conv1", "conv", 1.0), LayerBar("fc", "linear", 2.0)]
    >>> [layer.name for layer in layer_times_info({"net": bars}).layers[0]]
    ['fc', 'conv1']
    """
    most = max(3, MAX_LAYERS // max(1, len(times)))
    ranked = [sorted(bars, key=lambda bar: -bar.ms) for bars in times.values()]
    return LayerTimes(
        tuple(times),
        tuple(tuple(bars[:most]) for bars in ranked),
        tuple(sum(bar.ms for bar in bars[most:]) for bars in ranked),
        tuple(len(bars[most:]) for bars in ranked),
    )


def layer_times_figure(info: LayerTimes, say: Say, dark: bool = False) -> go.Figure:
    """Horizontal bars, the models one below the other."""
    names: list[str] = []
    traces = []
    for place, model in enumerate(info.models):
        bars = [(bar.name, bar.kind, bar.ms) for bar in info.layers[place]]
        if info.rest_n[place]:
            rest = say(Msg("figure.layers_rest", {"n": info.rest_n[place]}))
            bars.append((rest, "", info.rest_ms[place]))
        at = list(range(len(names), len(names) + len(bars)))
        names += [name for name, _, _ in bars]
        traces.append(
            go.Bar(
                x=[ms for _, _, ms in bars],
                y=at,
                orientation="h",
                name=model,
                marker={"color": PALETTE[place % len(PALETTE)]},
                customdata=[_hover(model, *bar, say) for bar in bars],
                hovertemplate="%{customdata}<extra></extra>",
            )
        )
    return figure(
        traces,
        say,
        dark,
        110 + 24 * len(names),
        xaxis={"title": say(Msg("cost.latency_ms")), "rangemode": "tozero"},
        yaxis={**named_ticks(names, 24), "tickangle": 0, "range": [len(names) - 0.5, -0.5]},
        barmode="overlay",
    )


def _hover(model: str, name: str, kind: str, ms: float, say: Say) -> str:
    return say(Msg("figure.layer_hover", {"label": model, "layer": name, "kind": kind, "ms": ms}))
