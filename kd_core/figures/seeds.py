"""Seeds side by side: whether a gain holds for each of them, or only on average."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from kd_core.evaluate.pareto import Spread, over_seeds
from kd_core.figures.look import (
    ROLE_COLOURS,
    Say,
    arm_name,
    faint,
    figure,
    finite_range,
    known,
    named_ticks,
    role_style,
)
from kd_core.text import Msg

MAX_SEEDS = 100
"""Seeds drawn."""


@dataclass(frozen=True)
class SeedValue:
    """One model's figure: what it is compared as, its role, its seed."""

    arm: str
    role: str
    seed: int
    value: float


@dataclass(frozen=True)
class Seeds:
    """A metric by arm (columns) and seed (rows).

    Attributes:
        metric: Entry of ``METRICS``.
        arms: Names of the arms.
        roles: Role of each arm.
        seeds: The seeds.
        values: One row a seed; NaN where an arm has no model of it.
        spread: Of each arm over its seeds.
    """

    metric: str
    arms: tuple[str, ...]
    roles: tuple[str, ...]
    seeds: tuple[int, ...]
    values: tuple[tuple[float, ...], ...]
    spread: tuple[Spread, ...]


def seeds_info(values: Sequence[SeedValue], metric: str) -> Seeds:
    """Values by arm and seed, in the order given."""
    roles = {v.arm: v.role for v in values}
    seeds = sorted({v.seed for v in values})[:MAX_SEEDS]
    by_place = {(v.arm, v.seed): v.value for v in values}
    rows = tuple(tuple(by_place.get((arm, seed), math.nan) for arm in roles) for seed in seeds)
    columns = [[row[k] for row in rows if not math.isnan(row[k])] for k in range(len(roles))]
    return Seeds(
        metric,
        tuple(roles),
        tuple(roles.values()),
        tuple(seeds),
        rows,
        tuple(over_seeds(column) for column in columns),
    )


def seeds_figure(info: Seeds, say: Say, dark: bool = False) -> go.Figure:
    """Dots of the same seed joined by a line; a bar is an arm's mean."""
    students = [a for a, r in zip(info.arms, info.roles, strict=True) if r not in ROLE_COLOURS]
    traces = [_seed_line(info, row, dark) for row in info.values]
    for place, (arm, role) in enumerate(zip(info.arms, info.roles, strict=True)):
        colour, symbol = role_style(role, arm, students)
        traces.append(_mean(info, place, colour))
        traces.append(_dots(info, place, colour, symbol, say))
    values = [v for row in info.values for v in row]
    names = [arm_name(r, a, say) for r, a in zip(info.roles, info.arms, strict=True)]
    return figure(
        traces,
        say,
        dark,
        360,
        xaxis={
            **named_ticks(names, 18),
            "range": [-0.5, len(info.arms) - 0.5],
        },
        yaxis={"title": say(Msg(f"metric.{info.metric}.title")), "range": finite_range(values)},
        showlegend=False,
    )


def _seed_line(info: Seeds, row: Sequence[float], dark: bool) -> go.Scatter:
    return go.Scatter(
        x=list(range(len(row))),
        y=[known(value) for value in row],
        mode="lines",
        line={"color": faint(dark), "width": 1},
        connectgaps=False,
        hoverinfo="skip",
    )


def _mean(info: Seeds, place: int, colour: str) -> go.Scatter:
    mean = info.spread[place].mean
    return go.Scatter(
        x=[place - 0.18, place + 0.18],
        y=[known(mean)] * 2,
        mode="lines",
        line={"color": colour, "width": 4},
        hoverinfo="skip",
    )


def _dots(info: Seeds, place: int, colour: str, symbol: str, say: Say) -> go.Scatter:
    spread, label = info.spread[place], arm_name(info.roles[place], info.arms[place], say)
    fields = {"label": label, "mean": spread.mean, "sd": spread.sd, "n": spread.n}
    fields |= {"low": spread.sd_low, "high": spread.sd_high}
    return go.Scatter(
        x=[place] * len(info.seeds),
        y=[known(row[place]) for row in info.values],
        mode="markers",
        marker={"color": colour, "symbol": symbol, "size": 10},
        text=[
            say(Msg("figure.seed_hover", {**fields, "seed": seed, "value": row[place]}))
            for seed, row in zip(info.seeds, info.values, strict=True)
        ],
        hovertemplate="%{text}<extra></extra>",
    )
