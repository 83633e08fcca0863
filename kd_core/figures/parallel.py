"""Parallel coordinates: settings and results of many models; axes and ranges can be dragged."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from kd_core.figures.look import Say, figure, ink, shorten
from kd_core.text import Msg

MAX_LINES = 400
"""Models drawn, the best first."""

MAX_NAMES = 20
"""Different names of one axis; more cannot be read, and the axis is left out."""

TICK_CHARS = 14


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        name: Column of the frame: ``set.…`` is a setting, everything else a result.
        values: One a model; for names their place in ``names``; where there is none, ``missing``.
        names: Names of an axis that has no numbers.
        missing: Where models without a value run through; ``None`` if all have one.
        log: Whether ``values`` are powers of ten.
    """

    name: str
    values: tuple[float, ...]
    names: tuple[str, ...] = ()
    missing: float | None = None
    log: bool = False


@dataclass(frozen=True)
class Parallel:
    """What the plot shows.

    Attributes:
        axes: Those on which the models differ.
        metric: What the colour shows.
        colour: One value a model.
        left_out: Models beyond what is drawn.
    """

    axes: tuple[Axis, ...]
    metric: str
    colour: tuple[float, ...]
    left_out: int = 0


def parallel_info(
    models: pd.DataFrame, columns: Sequence[str], metric: str, *, higher_is_better: bool = True
) -> Parallel:
    """Axes for those columns in which the models differ.

    >>> table = pd.DataFrame({"value": [0.9, 0.8], "set.T": [4.0, None], "seed": [0, 0]})
    >>> [axis.name for axis in parallel_info(table, ["set.T", "seed"], "accuracy").axes]
    ['set.T']
    """
    known = models[np.isfinite(models["value"].to_numpy(float))]
    order = known["value"].to_numpy(float).argsort(kind="stable")
    best = order[::-1] if higher_is_better else order
    drawn = known.iloc[np.sort(best[:MAX_LINES])]
    found = (_axis(drawn[name], name) for name in columns if name in drawn)
    return Parallel(
        tuple(axis for axis in found if axis is not None),
        metric,
        tuple(map(float, drawn["value"])),
        len(known) - len(drawn),
    )


def _axis(column: pd.Series, name: str) -> Axis | None:
    absent = column.isna().to_numpy()
    if column.nunique() + absent.any() < 2:
        return None
    if not pd.api.types.is_numeric_dtype(column):
        return _named(column, name)
    values = column.to_numpy(float)
    finite = values[np.isfinite(values)]
    log = bool(finite.min() > 0 and finite.max() / finite.min() > 8)
    if log:
        values, finite = np.log10(np.where(values > 0, values, np.nan)), np.log10(finite)
    span = float(finite.max() - finite.min()) or 1.0
    below = float(finite.min() - 0.12 * span)
    filled = np.where(np.isfinite(values) & ~absent, values, below)
    return Axis(name, tuple(map(float, filled)), (), below if absent.any() else None, log)


def _named(column: pd.Series, name: str) -> Axis | None:
    codes, names = pd.factorize(column.astype(object), sort=True, use_na_sentinel=True)
    if len(names) > MAX_NAMES:
        return None
    missing = -1.0 if (codes < 0).any() else None
    return Axis(name, tuple(map(float, codes)), tuple(map(str, names)), missing)


def parallel_figure(info: Parallel, say: Say, dark: bool = False) -> go.Figure:
    """Lines coloured by the metric."""
    lines = go.Parcoords(
        line={
            "color": list(info.colour),
            "colorscale": "Cividis" if dark else "Viridis",
            "showscale": True,
            "colorbar": {"thickness": 12, "title": {"text": ""}},
        },
        dimensions=[_dimension(axis, info, say) for axis in info.axes],
        labelfont={"size": 13, "color": ink(dark)},
        tickfont={"size": 12, "color": ink(dark)},
        labelangle=-12,
        labelside="top",
    )
    return figure([lines], say, dark, 460, margin={"l": 70, "r": 30, "t": 90, "b": 24})


def _dimension(axis: Axis, info: Parallel, say: Say) -> dict[str, Any]:
    metric = Msg(f"metric.{info.metric.partition(':')[0]}.title")
    title = metric if axis.name == "value" else Msg(f"parallel.{axis.name}")
    shown: dict[str, Any] = {"label": shorten(say(title), 22), "values": list(axis.values)}
    ticks = _ticks(axis)
    if axis.missing is not None:
        ticks = {axis.missing: say(Msg("parallel.none")), **ticks}
    if ticks:
        shown |= {"tickvals": list(ticks), "ticktext": list(ticks.values())}
    return shown


def _ticks(axis: Axis) -> dict[float, str]:
    """Place to text; empty leaves the ticks to the plot."""
    if axis.names:
        return {float(i): shorten(name, TICK_CHARS) for i, name in enumerate(axis.names)}
    real = [v for v in axis.values if v != axis.missing]
    if not axis.log and axis.missing is None:
        return {}
    low, high = min(real), max(real)
    places = sorted(set(real)) if len(set(real)) <= 6 else np.linspace(low, high, 5).tolist()
    return {place: _short(10**place if axis.log else place) for place in places}


def _short(value: float) -> str:
    if value == 0 or not math.isfinite(value):
        return "0"
    return f"{value:.3g}"
