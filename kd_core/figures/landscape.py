"""Accuracy against a cost on one device: many models, their bands, chains as paths, the front."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kd_core.evaluate.pareto import front_of_two
from kd_core.figures.cost_axis import CostAxis

UNIT = {
    "latency_ms": 1.0, "size_bytes": 1e6, "macs": 1e6, "ram_bytes": 1e6, "energy_mj": 1.0,
    "params": 1e6,
}  # fmt: skip
"""What one unit of each axis on the screen is: ms, MB, millions, MB, mJ, millions."""

BAND = {"latency_ms": ("low_ms", "high_ms"), "energy_mj": ("energy_low_mj", "energy_high_mj")}
"""Columns with the ends of a cost's band."""

MAX_DOTS, DOTS_OF_MANY = 120, 50
"""Up to so many models all are drawn one by one; of more only so many: the front, teacher and
baselines first, then the best. All others are counted in cells, since more markers only slow the
page and hide one another. Teachers and baselines come first unless they are many themselves."""

CELLS = (36, 24)
"""Cells along the cost axis and along the score."""

MAX_ARMS = 8
"""Arms up to which each has a colour of its own; beyond, colours show roles."""


@dataclass(frozen=True)
class Dot:
    """One model, or the mean of one over seeds; NaN where a figure does not exist.

    Attributes:
        label: What it is called.
        group: What its colour stands for: an arm, or a role.
        x: Its cost in the unit of the axis; ``x_low`` and ``x_high`` are the band.
        y: The metric; ``low`` and ``high`` are what the bar shows.
        n: Seeds that are averaged; 1 for a single one.
        area: The quantity of the marker's area, in its own unit.
        source: measured, estimated or none.
        run: Opened by a click.
        name: Model within the run.
        shares: Score by class, for the small picture in the pop-up.
    """

    label: str
    group: str
    role: str
    run: str
    name: str
    x: float
    x_low: float
    x_high: float
    y: float
    low: float
    high: float
    n: int
    source: str
    tier: str = ""
    area: float = math.nan
    front: bool = False
    shares: tuple[float, ...] = ()


@dataclass(frozen=True)
class Cells:
    """How many models lie where, of those that are not drawn one by one.

    Attributes:
        x: Edges along the cost axis, one more than there are cells; equal steps on its scale.
        y: Edges along the score.
        counts: Models in each cell, (scores, costs).
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Landscape:
    """What the plot shows.

    Attributes:
        x: Entry of :data:`UNIT`.
        metric: What is upwards.
        area: Entry of :data:`UNIT`, or empty.
        log: Whether the cost axis is logarithmic.
        dots: In the order in which they are drawn.
        groups: What a dot's group can be, also those of which no dot is drawn.
        paths: Chains of compression: places of dots, from the origin on.
        chosen: Place of the recommended dot, or ``None``.
        left_out: Models that are not drawn one by one.
        unknown: Models without a coordinate.
        cells: Where those are that are left out.
    """

    x: str
    metric: str
    area: str
    log: bool
    dots: tuple[Dot, ...]
    groups: tuple[str, ...] = ()
    paths: tuple[tuple[int, ...], ...] = ()
    chosen: int | None = None
    left_out: int = 0
    unknown: int = 0
    cells: Cells | None = None


def landscape_info(
    models: pd.DataFrame,
    x: str,
    metric: str,
    *,
    higher_is_better: bool = True,
    area: str = "",
    log: bool | None = None,
    chosen: tuple[str, str] | None = None,
    keep: np.ndarray | None = None,
) -> Landscape:
    """What is true of these models.

    Args:
        models: From ``study.budget.candidates`` or ``singles``, with the costs joined.
        x: The cost axis, an entry of :data:`UNIT`.
        metric: What the column ``value`` is.
        higher_is_better: Which way is up.
        area: Third quantity, an entry of :data:`UNIT`.
        log: Logarithmic or not; ``None`` decides by the spread.
        chosen: Run and name of the recommended model.
        keep: Which rows are within the limits; the others only decide colours, which so stay the
            same while a limit moves.
    """
    by_arm = models["arm"].nunique() <= MAX_ARMS
    groups = tuple(dict.fromkeys(map(str, models["arm" if by_arm else "role"])))
    models = models if keep is None else models[keep]
    cost = models[x].to_numpy(float) / UNIT[x]
    value = models["value"].to_numpy(float)
    has = np.isfinite(cost) & np.isfinite(value) & (cost > 0)
    front = np.zeros(len(models), bool)
    front[has] = front_of_two(value[has] if higher_is_better else -value[has], cost[has])
    sign = 1.0 if higher_is_better else -1.0
    special = models["role"].isin(("teacher", "baseline")).to_numpy()
    first = front | (special if special.sum() <= DOTS_OF_MANY // 2 else False)
    if chosen is not None:
        first |= ((models["run"] == chosen[0]) & (models["name"] == chosen[1])).to_numpy()
    order = np.lexsort((-sign * value, ~first))
    most = MAX_DOTS
    if has.sum() > MAX_DOTS:
        most = min(MAX_DOTS, max(DOTS_OF_MANY, int((first & has).sum())))
    drawn = np.sort(order[has[order]][:most])
    rows = models.iloc[drawn]
    dots = _dots(rows, x, area, front[drawn], by_arm)
    place = next((i for i, d in enumerate(dots) if chosen == (d.run, d.name)), None)
    rest = has.copy()
    rest[drawn] = False
    logarithmic = CostAxis.of(list(cost[has])).log if log is None else log
    return Landscape(
        x=x,
        metric=metric,
        area=area,
        log=logarithmic,
        dots=dots,
        groups=groups,
        paths=_paths(rows),
        chosen=place,
        left_out=int(rest.sum()),
        unknown=int((~has).sum()),
        cells=_cells(cost[rest], value[rest], logarithmic) if rest.any() else None,
    )


def _cells(cost: np.ndarray, value: np.ndarray, log: bool) -> Cells:
    places = np.log10(cost) if log else cost
    counts, x, y = np.histogram2d(places, value, bins=CELLS)
    x = 10**x if log else x
    return Cells(
        tuple(map(float, x)), tuple(map(float, y)), tuple(map(tuple, counts.T.astype(int).tolist()))
    )


def _dots(
    rows: pd.DataFrame, x: str, area: str, front: np.ndarray, by_arm: bool
) -> tuple[Dot, ...]:
    count = len(rows)
    group = rows["arm"] if by_arm else rows["role"]
    low, high = BAND.get(x, ("", ""))
    nothing = np.full(count, np.nan)
    table: dict[str, Any] = {
        "label": _names(rows),
        "group": group,
        "role": rows["role"],
        "run": rows["run"],
        "name": rows["name"],
        "x": rows[x].to_numpy(float) / UNIT[x],
        "x_low": rows[low].to_numpy(float) / UNIT[x] if low else nothing,
        "x_high": rows[high].to_numpy(float) / UNIT[x] if high else nothing,
        "y": rows["value"].to_numpy(float),
        "low": rows["low"].to_numpy(float),
        "high": rows["high"].to_numpy(float),
        "n": rows["n"],
        "source": rows["source"] if x in BAND else ["measured"] * count,
        "tier": rows["tier"] if x in BAND else [""] * count,
        "area": rows[area].to_numpy(float) / UNIT[area] if area else nothing,
        "front": front.tolist(),
    }
    shares = [c for c in rows.columns if str(c).startswith("value.sensitivity:")]
    found = rows[shares].to_numpy(float) if shares else np.empty((count, 0))
    columns = [*table.values(), [tuple(map(float, row)) for row in found]]
    return tuple(Dot(*fields) for fields in zip(*columns, strict=True))


def _names(rows: pd.DataFrame) -> list[str]:
    """Key of one run, or the arm where seeds are averaged; a chain's step behind it."""
    averaged = (rows["n"] > 1).to_numpy()
    names = np.where(averaged, rows["arm"], rows["key"])
    return [
        f"{name} · {model}" if step else str(name)
        for name, step, model in zip(names, rows["step"], rows["name"], strict=True)
    ]


def _paths(rows: pd.DataFrame) -> tuple[tuple[int, ...], ...]:
    """Places of each chain's models, its origin first where that is drawn."""
    table = rows.reset_index(drop=True)
    of_chain = table["step"] > 0
    if not of_chain.any():
        return ()
    one_each = (table["n"] > 1).any()
    seed = pd.Series(0, index=table.index) if one_each else table["seed"]
    paths = []
    for (study, _, at), chain in table[of_chain].groupby(
        [table["study"], table["arm"], seed], sort=False
    ):
        origin = chain["origin"].iloc[0]
        start = table.index[(table["study"] == study) & (table["arm"] == origin)]
        same = [i for i in start if one_each or seed[i] == at] or list(start[:1])
        steps = chain.sort_values("step").index
        if len(same) + len(steps) > 1:
            paths.append((*map(int, same[:1]), *map(int, steps)))
    return tuple(paths)
