"""How good the latency estimates are: predictions of what was held out, against the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.errors import ExportError
from kd_core.figures.look import PALETTE, SYMBOLS, WHOLE_NUMBERS, Say, faint, figure, shorten
from kd_core.latency.fit_check import Held, errors, model_of
from kd_core.latency.fit_report import stored, worst
from kd_core.text import Msg

HEIGHT = 460
MOST = 600
"""Points drawn."""
WORST = 5
"""Networks that are named."""
NEAR = 1.2
"""Factor of the dotted lines beside the diagonal."""


@dataclass(frozen=True)
class Prediction:
    """One network on one configuration."""

    network: str
    configuration: str
    published_ms: float
    predicted_ms: float


@dataclass(frozen=True)
class Estimates:
    """What is drawn.

    Attributes:
        device: The chosen device; empty where it has no published times and all devices with the
            runtime are shown.
        runtime: The chosen runtime; empty for all of the device.
        points: Predictions of what was held out.
        median_error: Median of |predicted / published − 1|.
        within_20: Share with an error of at most 20 %.
        worst: Networks with the largest median error, and that error.
    """

    device: str
    runtime: str
    points: tuple[Prediction, ...]
    median_error: float
    within_20: float
    worst: tuple[tuple[str, float], ...]


def estimates_info(device: str = "", runtime: str = "") -> Estimates:
    """Held-out predictions for a device and a runtime, or for the runtime on all devices.

    Args:
        device: Entry of ``DEVICES``; empty for all.
        runtime: One of ``RUNTIMES``; empty for all.

    Raises:
        ExportError: ``estimates_none`` where nobody published times to compare with.
    """
    every = [one for each in stored().values() for one in each["network"]]
    of_runtime = [one for one in every if runtime in ("", one.configuration.split("|")[1])]
    mine = [one for one in of_runtime if device in ("", one.configuration.split("|")[0])]
    held, shown = (mine, device) if mine else (of_runtime, "")
    if not held:
        raise ExportError("estimates_none", runtime=runtime)
    found = errors(held)
    return Estimates(
        device=shown,
        runtime=runtime,
        points=tuple(_point(one) for one in _thinned(held)),
        median_error=found["median_error"],
        within_20=found["within_20"],
        worst=tuple((each["network"], each["median_error"]) for each in worst(held, WORST)),
    )


def _thinned(held: list[Held]) -> list[Held]:
    step = max(1, math.ceil(len(held) / MOST))
    return held[::step]


def _point(one: Held) -> Prediction:
    return Prediction(one.network, one.configuration, one.actual_ms, one.predicted_ms)


def estimates_figure(info: Estimates, say: Say, dark: bool = False) -> go.Figure:
    """Predicted against published on logarithmic axes; the diagonal is perfect, ±20 % is dotted."""
    values = [ms for p in info.points for ms in (p.published_ms, p.predicted_ms)]
    low, high = min(values) / 1.3, max(values) * 1.3
    bad = {name for name, _ in info.worst}
    others = [p for p in info.points if model_of(p.network) not in bad]
    traces = [
        *(_line(low, high, factor, say, dark) for factor in (1.0, NEAR, 1 / NEAR)),
        _markers(others, say(Msg("estimates.others")), 0, say),
        *(
            _markers(
                [p for p in info.points if model_of(p.network) == name],
                say(Msg("estimates.worst", {"name": shorten(name), "error": error})),
                1 + place,
                say,
            )
            for place, (name, error) in enumerate(info.worst)
        ),
    ]
    axis = {"type": "log", "range": [math.log10(low), math.log10(high)], **WHOLE_NUMBERS}
    title = say(Msg("estimates.title", {"error": info.median_error, "share": info.within_20}))
    return figure(
        traces,
        say,
        dark,
        HEIGHT,
        title={"text": title, "font": {"size": 13}},
        xaxis={"title": say(Msg("estimates.published")), **axis},
        yaxis={"title": say(Msg("estimates.predicted")), **axis},
    )


def _line(low: float, high: float, factor: float, say: Say, dark: bool) -> go.Scatter:
    perfect = factor == 1.0
    return go.Scatter(
        x=[low, high],
        y=[low * factor, high * factor],
        mode="lines",
        line={"color": faint(dark), "width": 1, "dash": "solid" if perfect else "dot"},
        name=say(Msg("figure.perfect")),
        showlegend=perfect,
        hoverinfo="skip",
    )


def _markers(points: list[Prediction], name: str, place: int, say: Say) -> go.Scatter:
    return go.Scatter(
        x=[p.published_ms for p in points],
        y=[p.predicted_ms for p in points],
        mode="markers",
        name=name,
        marker={
            "color": PALETTE[place % len(PALETTE)],
            "symbol": SYMBOLS[place % len(SYMBOLS)],
            "size": 6,
            "opacity": 0.75,
        },
        text=[say(Msg("estimates.hover", _fields(p))) for p in points],
        hovertemplate="%{text}<extra></extra>",
    )


def _fields(point: Prediction) -> dict[str, object]:
    device, runtime, threads, precision = point.configuration.split("|")
    return {
        "network": point.network,
        "device": device,
        "runtime": runtime,
        "threads": int(threads),
        "precision": precision,
        "published": point.published_ms,
        "predicted": point.predicted_ms,
    }
