"""What is allowed: sliders, each in the address; a slider at its end allows everything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from app import address
from app.texts import say
from kd_core.study.budget import Budget
from kd_core.study.recommend import metric_msg

LIMITS = {"latency_ms": "ms", "size_bytes": "bytes", "ram_bytes": "bytes", "energy_mj": "mj"}
STEPS = (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8)
"""Places of a slider in each power of ten."""

NO_LIMIT = math.inf


def budget(table: pd.DataFrame, metrics: Sequence[str]) -> Budget:
    """Sliders for what is allowed; a slider at its end allows everything."""
    most: dict[str, float] = {}
    columns = st.columns(len(LIMITS))
    for column, (name, unit) in zip(columns, LIMITS.items(), strict=True):
        limit = _slider(column, table, name, unit)
        if limit < NO_LIMIT:
            most[name] = limit
    least = _least(metrics)
    left, right = st.columns(2)
    careful = address.switch(
        left, say("tradeoffs.careful"), "careful", help=say("tradeoffs.careful.help")
    )
    must_fit = address.switch(
        right, say("tradeoffs.must_fit"), "must-fit", usual=True,
        help=say("tradeoffs.must_fit.help"),
    )  # fmt: skip
    return Budget(most, least, careful, must_fit)


def _slider(column: Any, table: pd.DataFrame, name: str, unit: str) -> float:
    values = table[name].to_numpy(float)
    values = values[np.isfinite(values) & (values > 0)]
    key = f"max-{name.partition('_')[0]}"
    if not len(values):
        column.caption(say("tradeoffs.no_figure", what=say(f"limit.{name}")))
        return NO_LIMIT
    scale = 1e6 if unit == "bytes" else 1.0
    kept = st.session_state.get(key)
    asked = [kept] if kept else map(address.number, address.asked(key))
    extra = [v for v in asked if v is not None and math.isfinite(v) and v > 0]
    chosen: float = address.choice(
        column,
        say(f"limit.{name}"),
        [*grid([*(values / scale), *extra]), NO_LIMIT],
        key,
        usual=NO_LIMIT,
        plain=lambda v: f"{v:g}",
        kind="select_slider",
        format_func=lambda v: _limit(v, unit),
    )
    return chosen * scale


def _limit(value: float, unit: str) -> str:
    if value == NO_LIMIT:
        return say("tradeoffs.any")
    return say(f"tradeoffs.limit.{unit}", value=value)


def grid(values: Sequence[float]) -> list[float]:
    """Round places of a slider, from just below the smallest value to just above the largest.

    >>> grid([2.2, 4.4])
    [2.0, 2.5, 3.0, 4.0, 5.0]
    """
    low, high = min(values), max(values)
    powers = range(math.floor(math.log10(low)) - 1, math.floor(math.log10(high)) + 2)
    places = [float(f"{step * 10.0**power:.3g}") for power in powers for step in STEPS]
    below = max(place for place in places if place <= low * 1.000001)
    above = min((place for place in places if place >= high * 0.999999), default=places[-1])
    return [place for place in places if below <= place <= above]


def _least(metrics: Sequence[str]) -> dict[str, float]:
    chosen = address.several(
        st, say("tradeoffs.least"), list(metrics), "least",
        format_func=lambda name: say(metric_msg(name)), help=say("tradeoffs.least.help"),
    )  # fmt: skip
    bounds = {}
    for start in range(0, len(chosen), 4):
        for column, name in zip(st.columns(4), chosen[start : start + 4], strict=False):
            label = say("tradeoffs.at_least", metric=say(metric_msg(name)))
            bounds[name] = address.amount(
                column, label, 0.0, 1.0, f"least-{name}", usual=0.8, kind="slider", step=0.01
            )
    return bounds
