"""What is allowed, which models remain, and how seeds become one candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

COSTS = {"latency_ms": "high_ms", "size_bytes": "", "ram_bytes": "", "energy_mj": "energy_high_mj"}
"""What can be limited, and the column that has the high end of its band."""

GROUP = ["study", "arm", "name"]


@dataclass(frozen=True)
class Budget:
    """Limits; a model of which a limited figure is not known does not remain.

    Attributes:
        most: Largest allowed value by name of :data:`COSTS`.
        least: Smallest allowed validation score by metric, such as ``sensitivity:ring``.
        careful: The whole band of an estimate must be within the limit, not its middle.
        must_fit: Leave out what does not fit into the device's memory.
    """

    most: Mapping[str, float] = field(default_factory=dict)
    least: Mapping[str, float] = field(default_factory=dict)
    careful: bool = False
    must_fit: bool = True

    @property
    def key(self) -> tuple[object, ...]:
        """Equal for equal limits, and hashable."""
        limits = (tuple(sorted(each.items())) for each in (self.most, self.least))
        return (*limits, self.careful, self.must_fit)

    def within(self, models: pd.DataFrame) -> np.ndarray:
        """Which rows remain, as booleans.

        >>> table = pd.DataFrame({"latency_ms": [5.0, 9.0, np.nan], "high_ms": [8.0, 12.0, np.nan]})
        >>> Budget({"latency_ms": 10}).within(table).tolist()
        [True, True, False]
        >>> Budget({"latency_ms": 10}, careful=True).within(table).tolist()
        [True, False, False]
        """
        keep = np.ones(len(models), bool)
        for name, limit in self.most.items():
            column = COSTS[name] if self.careful and COSTS[name] else name
            keep &= models[column].to_numpy(float) <= limit
        for metric, limit in self.least.items():
            column = f"value.{metric}"
            found = column in models.columns
            keep &= models[column].to_numpy(float) >= limit if found else False
        if self.must_fit and "fits" in models.columns:
            keep &= (models["fits"] != False).to_numpy()  # noqa: E712  # None: not known
        return keep


def candidates(models: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row for each arm, step and study: scores averaged over seeds, costs as they are.

    Adds ``n`` (seeds), ``sd.<metric>`` for the chosen metric, and the interval ``low``/``high``
    to draw: mean ± sd over seeds, or the 95 % interval over images where there is one seed. Folds
    of a cross-validation are averaged first, and have no interval of one seed.
    """
    if not len(models):
        return models.assign(n=0, sd=np.nan, low=np.nan, high=np.nan, value=np.nan)
    values = [c for c in models.columns if str(c).startswith("value.")]
    medians = [c for c in ("latency_ms", "low_ms", "high_ms", "ram_bytes") if c in models]
    grouped = models.groupby(GROUP, sort=False, dropna=False)
    first = grouped.first()
    of_seed = models.groupby([*GROUP, "seed"], sort=False, dropna=False)[values].mean()
    seeds = of_seed.groupby(GROUP, sort=False, dropna=False)  # folds of a seed are one value
    first[values] = seeds.mean()
    first[medians] = grouped[medians].median()
    chosen = seeds[f"value.{metric}"]
    first["n"], first["sd"] = chosen.size(), chosen.std(ddof=1)
    first["value"] = first[f"value.{metric}"]
    alone = first["n"] == 1
    ends = [f"low.{metric}", f"high.{metric}"]
    first.loc[alone & (grouped.size() > 1), ends] = np.nan  # a fold's interval is not the seed's
    first["low"] = np.where(alone, first[f"low.{metric}"], first["value"] - first["sd"])
    first["high"] = np.where(alone, first[f"high.{metric}"], first["value"] + first["sd"])
    return first.reset_index()


def singles(models: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Every seed by itself, in the columns of :func:`candidates`; the folds of a seed are one.

    Folds were judged on images of their own: their means can be compared, single ones cannot.
    """
    of_seed = models.groupby([*GROUP, "seed"], sort=False, dropna=False)
    if of_seed.ngroups < len(models):
        values = [c for c in models.columns if str(c).startswith("value.")]
        first = of_seed.first()
        first[values] = of_seed[values].mean()
        several = of_seed.size() > 1
        ends = [c for c in models.columns if str(c).startswith(("low.", "high."))]
        first.loc[several, ends] = np.nan
        models = first.reset_index()
    return models.assign(
        n=1,
        sd=np.nan,
        value=models[f"value.{metric}"],
        low=models[f"low.{metric}"],
        high=models[f"high.{metric}"],
    )
