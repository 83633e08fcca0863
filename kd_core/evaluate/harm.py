"""Who is harmed when a model is made smaller: by class and by subgroup, with intervals."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from kd_core.evaluate.correction import holm
from kd_core.evaluate.gap import Gap, gaps
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.pairs import check_pairs
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.rare import left_out
from kd_core.text import Msg

Kind = Literal["all", "class", "group"]
About = tuple[Kind, str, str]
Bools = NDArray[np.bool_]

FEW = 20
"""Patients (images, where patients are not known) below which a row is marked as small."""

MOST_VALUES = 20
"""Values of a subgroup column up to which it is a table that somebody reads. Of more, Holm's
correction leaves nothing, and a row has few patients: it is a name or a measure, not a group."""

BY_CLASS = ("sensitivity", "specificity")
"""Metrics of the rows by class; of two classes the first's sensitivity is the other's specificity,
so there one is enough."""


@dataclass(frozen=True)
class HarmRow:
    """One class or subgroup: how the second model does against the first.

    Attributes:
        kind: ``all``, ``class`` or ``group``.
        column: Subgroup column; empty for a class.
        value: Class or subgroup.
        metric: Entry of ``METRICS``.
        first: The first model's figure, a mean over seeds.
        second: The second's.
        difference: Second less first; negative harms, also for a metric of which less is better.
        low: Low end of its 95 % interval over patients and seeds.
        high: High end.
        p: Two-sided, from the same repeats.
        p_holm: Corrected over all rows of the table but the first.
        n_images: Images that the figure rests on.
        n_patients: Their patients; ``None`` where they are not known.
        small: Fewer than 20 patients (or images): too few to call it spared.
        undefined: Why there is no figure.
        left_out: Classes that a mean over classes leaves out here, since hardly anybody has them.
    """

    kind: Kind
    column: str
    value: str
    metric: str
    first: float
    second: float
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    n_images: int
    n_patients: int | None
    small: bool
    undefined: Msg | None = None
    left_out: tuple[str, ...] = ()

    @property
    def harmed(self) -> bool:
        """Whether the loss stands after the correction."""
        return self.difference < 0 and self.p_holm < 0.05


def harm_table(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str = "accuracy",
    few: int = FEW,
    repeats: int = 2000,
    seed: int = 0,
) -> tuple[HarmRow, ...]:
    """All images, then each class, then each value of each subgroup column (see ``too_wide``).

    Rows by class have the sensitivity and, for several labels, the specificity; rows by subgroup
    have ``metric`` on the images of that subgroup. The interval is the verdict's: patients are
    drawn, both models see the same draws, and seeds count where there are two or more.

    Args:
        first: The model that was there before, one a seed.
        second: The one to be used instead, in the same order of seeds.
        metric: Entry of ``METRICS`` with one value, for all images and for subgroups.
        few: Units below which a row is marked small.
        repeats: Bootstrap repeats.
        seed: Of the draws.

    Raises:
        ConfigError: ``entry_unknown``, ``metric_per_class``.
        DataError: ``pairs_empty``, ``pairs_differ``, ``pairs_other_truth``.
    """
    check_pairs(first, second)
    every = np.ones(len(first[0]), bool)
    rows = [_row(first, second, metric, every, ("all", "", ""), few, repeats, seed)]
    rows += _class_rows(first, second, few, repeats, seed)
    wide = too_wide(first[0])
    for column, values in first[0].groups.items():
        for value in np.unique(values) if column not in wide else ():
            about: About = ("group", column, str(value))
            rows.append(_row(first, second, metric, values == value, about, few, repeats, seed))
    corrected = [rows[0].p, *holm([row.p for row in rows[1:]])]
    return tuple(dataclasses.replace(row, p_holm=p) for row, p in zip(rows, corrected, strict=True))


def too_wide(predictions: Predictions) -> dict[str, int]:
    """Subgroup columns with more values than the table takes, and how many they have."""
    n = {name: len(np.unique(values)) for name, values in predictions.groups.items()}
    return {name: values for name, values in n.items() if values > MOST_VALUES}


def _row(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    metric: str,
    mask: Bools,
    about: About,
    few: int,
    repeats: int,
    seed: int,
) -> HarmRow:
    """One metric on some of the images."""
    one, two = ([p.where(mask) for p in side] for side in (first, second))
    gap = gaps(two, one, metric, repeats, seed)[0]
    return _made(about, metric, gap, one[0], mask[mask], few)


def _class_rows(
    first: Sequence[Predictions],
    second: Sequence[Predictions],
    few: int,
    repeats: int,
    seed: int,
) -> list[HarmRow]:
    """Each class's, or label's, sensitivity, and each label's specificity."""
    rows = []
    several = first[0].task == "multilabel"
    for metric in BY_CLASS if several else BY_CLASS[:1]:
        found = gaps(second, first, metric, repeats, seed)
        for k, (name, gap) in enumerate(zip(first[0].classes, found, strict=True)):
            targets = first[0].targets
            with_it = targets[:, k] == 1 if several else targets == k
            rests_on = targets[:, k] == 0 if metric == "specificity" else with_it
            about: About = ("class", "", name)
            rows.append(_made(about, metric, gap, first[0], rests_on, few))
    return rows


def _made(
    about: About, metric: str, gap: Gap, predictions: Predictions, rests_on: Bools, few: int
) -> HarmRow:
    patients = predictions.patients
    n_images = int(rests_on.sum())
    n_patients = None if patients is None else len(np.unique(patients[rests_on]))
    nothing = math.isnan(gap.difference)
    return HarmRow(
        *about,
        metric=metric,
        first=gap.second,
        second=gap.first,
        difference=gap.difference,
        low=gap.low,
        high=gap.high,
        p=gap.p,
        p_holm=math.nan,
        n_images=n_images,
        n_patients=n_patients,
        small=(n_images if n_patients is None else n_patients) < few,
        undefined=Msg("harm.undefined", {"metric": Msg(f"metric.{metric}.title")})
        if nothing
        else None,
        left_out=left_out(predictions) if METRICS[metric].averages(predictions.task) else (),
    )
