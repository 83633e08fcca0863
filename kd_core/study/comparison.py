"""Methods side by side on one pair of networks: what a finished study says of them.

The study is made by :mod:`kd_core.study.methods`. Every method is held against the student alone
and against plain soft targets, by the one verdict, with Holm's correction over the list.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

from kd_core.errors import StoreError
from kd_core.evaluate.arms import score_of_arm
from kd_core.evaluate.correction import holm
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.pareto import Spread, over_seeds
from kd_core.evaluate.scores import Score
from kd_core.evaluate.verdict import Verdict
from kd_core.study.methods import PLAIN
from kd_core.study.records import RunRecord
from kd_core.study.results import Level, Result, arm_predictions, compare_arms, seed_values
from kd_core.study.training_costs import CostRatio, cost_ratio, spent

BASELINE = "baseline"
STILL = 0.05
"""A corrected p below this holds."""


@dataclass(frozen=True)
class Row:
    """One arm of a comparison.

    Attributes:
        arm: Its name; ``baseline`` is the student alone.
        values: The metric by seed.
        spread: Mean and sd over seeds.
        interval: The same mean, with its interval over patients and seeds.
        ranks: Place among the students by seed, 1 is best; ties share the mean of their places.
        verdict: Against the student alone; ``None`` for itself.
        p_holm: Its p, corrected for the number of methods in the list.
        plain: Verdict against plain soft targets; ``None`` where there is none, or for itself.
        harms: True where the method ends below the student alone, beyond chance.
        seconds: Mean seconds of training, a live teacher and other networks included.
        cost: Of these, of steps and of energy, to the baseline's; images that teachers looked at.
        teacher_s: Seconds for stored answers of a teacher, the largest over the seeds, since
            whoever comes first fills the store for all.
        own_recipe: Another budget or recipe than the baseline's.
        control: The student alone once more, such as with equal compute: it is no method, so it
            is not counted in the correction and cannot harm.
    """

    arm: str
    values: Mapping[int, float]
    spread: Spread
    interval: Score
    ranks: Mapping[int, float]
    verdict: Verdict | None
    p_holm: float
    plain: Verdict | None
    harms: bool
    seconds: float
    cost: CostRatio
    teacher_s: float
    own_recipe: bool
    control: bool = False

    @property
    def mean_rank(self) -> float:
        """Mean place over seeds; NaN where a seed is not complete."""
        return fmean(self.ranks.values()) if self.ranks else math.nan

    @property
    def holds(self) -> bool:
        """Whether the difference to the student alone stands after the correction."""
        return self.p_holm < STILL


@dataclass(frozen=True)
class Comparison:
    """All arms of a study, best mean first.

    Attributes:
        metric: Entry of ``METRICS``.
        rows: The students.
        teacher: The teacher's value, NaN where it is not in the study.
        agreement: Kendall's W of the ranks over seeds, to 1 (always the same order); orders that
            are drawn by chance have 1/m on average with m seeds. NaN for one seed.
        seeds: Seeds in which every arm is finished.
        total_s: Seconds of all training in the study.
    """

    metric: str
    rows: tuple[Row, ...]
    teacher: float
    agreement: float
    seeds: tuple[int, ...]
    total_s: float


def read_comparison(
    arms: Mapping[str, Sequence[Result]],
    metric: str,
    *,
    names: Sequence[str] = (),
    part: str = "val",
    margin: float = 0.01,
    opened: bool = False,
    level: Level = "image",
    values: Mapping[str, Mapping[int, float]] | None = None,
) -> Comparison:
    """What a finished study says of its methods.

    Args:
        arms: Models by arm, as :func:`kd_core.study.results.by_arm` gives them.
        metric: With one value.
        names: Arms of the study; other models count as the cost of the arm that their name
            begins with (an earlier generation, a teacher assistant). Empty: every student.
        part: ``val``, or another once the test part is open.
        margin: How much worse still counts as as good.
        opened: Whether the test part is open.
        level: Whether an answer is for an image, or for a patient.
        values: The metric by arm and seed; those of validation where not given.

    Raises:
        StoreError: ``baseline_missing`` where no student alone is finished; else as
            :func:`kd_core.study.results.predictions`.
    """
    students = _students(arms, names)
    at = values or {a: seed_values(group, metric) for a, group in arms.items()}
    judge = {"part": part, "margin": margin, "opened": opened, "level": level}
    plain = next((a for a, g in students.items() if _is_plain(g[0])), "")
    verdicts = _judged(students, BASELINE, metric, judge)
    higher = METRICS[metric].higher_is_better
    ranks = rank_by_seed({a: at[a] for a in students}, higher)
    rows = _rows(arms, students, at, ranks, verdicts, _intervals(students, metric, judge))
    if plain:
        against_plain = _judged(students, plain, metric, judge)
        rows = [replace(row, plain=against_plain.get(row.arm)) for row in rows]
    teachers = [v for a, g in arms.items() if g[0].model.role == "teacher" for v in at[a].values()]
    runs = {r.run.id: r for g in arms.values() for r in g}
    return Comparison(
        metric=metric,
        rows=tuple(sorted(rows, key=lambda row: _order(row.spread.mean, higher))),
        teacher=fmean(teachers) if teachers else math.nan,
        agreement=kendall_w(ranks),
        seeds=tuple(sorted(next(iter(ranks.values()), {}))),
        total_s=sum(_trained(r.folder) for r in runs.values()),
    )


def _rows(
    arms: Mapping[str, Sequence[Result]],
    students: Mapping[str, Sequence[Result]],
    at: Mapping[str, Mapping[int, float]],
    ranks: Mapping[str, Mapping[int, float]],
    verdicts: Mapping[str, Verdict],
    intervals: Mapping[str, Score],
) -> list[Row]:
    """One row a student, without what plain soft targets say of it."""
    controls = {a for a, g in students.items() if a != BASELINE and _is_control(g[0])}
    tried = {a: v.p for a, v in verdicts.items() if a not in controls}
    corrected = dict(zip(tried, holm(list(tried.values())), strict=True))
    taken = {a: spent(a, arms) for a in students}
    recipe = RunRecord.read(students[BASELINE][0].folder).settings.train
    return [
        Row(
            arm=a,
            values=at[a],
            spread=over_seeds(list(at[a].values())),
            interval=intervals[a],
            ranks=ranks.get(a, {}),
            verdict=verdicts.get(a),
            p_holm=corrected.get(a, math.nan),
            plain=None,
            harms=a in tried and verdicts[a].kind == "worse",
            seconds=taken[a].seconds,
            cost=cost_ratio(taken[a], taken[BASELINE]),
            teacher_s=taken[a].teacher_seconds,
            own_recipe=RunRecord.read(g[0].folder).settings.train != recipe,
            control=a in controls,
        )
        for a, g in students.items()
    ]


def _students(
    arms: Mapping[str, Sequence[Result]], names: Sequence[str]
) -> dict[str, Sequence[Result]]:
    """The student alone and the arms that are compared with it."""
    found = {
        arm: group
        for arm, group in arms.items()
        if group[0].model.role in ("baseline", "student")
        and (not names or arm in (BASELINE, *names))
    }
    if BASELINE not in found:
        raise StoreError("baseline_missing")
    return found


def _intervals(
    students: Mapping[str, Sequence[Result]], metric: str, judge: Mapping[str, Any]
) -> dict[str, Score]:
    where = {name: value for name, value in judge.items() if name != "margin"}
    read = {arm: arm_predictions(group, **where) for arm, group in students.items()}
    return {arm: score_of_arm(models, metric) for arm, models in read.items()}


def _judged(
    students: Mapping[str, Sequence[Result]], against: str, metric: str, judge: Mapping[str, Any]
) -> dict[str, Verdict]:
    return {
        arm: compare_arms(group, students[against], metric, **judge)
        for arm, group in students.items()
        if arm != against and _shared(group, students[against])
    }


def rank_by_seed(
    values: Mapping[str, Mapping[int, float]], higher_is_better: bool
) -> dict[str, dict[int, float]]:
    """Place of each arm in each seed that all arms have, 1 the best; ties share their mean.

    >>> rank_by_seed({"a": {0: 0.9}, "b": {0: 0.8}, "c": {0: 0.8}}, True)
    {'a': {0: 1.0}, 'b': {0: 2.5}, 'c': {0: 2.5}}
    """
    seeds = [set(of) for of in values.values()]
    shared = sorted(set.intersection(*seeds)) if seeds else []
    ranks: dict[str, dict[int, float]] = {arm: {} for arm in values}
    for seed in shared:
        for arm, of in values.items():
            ahead = [_order(o[seed], higher_is_better) for o in values.values()]
            mine = _order(of[seed], higher_is_better)
            better, equal = sum(v < mine for v in ahead), sum(v == mine for v in ahead)
            ranks[arm][seed] = better + (equal + 1) / 2
    return ranks


def kendall_w(ranks: Mapping[str, Mapping[int, float]]) -> float:
    """Agreement of seeds on the order of arms, 0 to 1; NaN for one seed or one arm.

    Formula: ``12 Σ_j (R_j − R̄)² / (m² (n³ − n))`` with the rank sums R_j of n arms over m seeds
    (Kendall & Babington Smith 1939), without a correction for ties. Orders that are drawn by chance
    have 1/m on average, since then ``m (n − 1) W`` has a mean of n − 1.

    >>> kendall_w({"a": {0: 1, 1: 1}, "b": {0: 2, 1: 2}}), kendall_w({"a": {0: 1}})
    (1.0, nan)
    """
    n, m = len(ranks), len(next(iter(ranks.values()), {}))
    if n < 2 or m < 2:
        return math.nan
    sums = [sum(of.values()) for of in ranks.values()]
    middle = fmean(sums)
    return 12 * sum((s - middle) ** 2 for s in sums) / (m**2 * (n**3 - n))


def _order(value: float, higher_is_better: bool) -> float:
    if math.isnan(value):
        return math.inf
    return -value if higher_is_better else value


def _shared(left: Sequence[Result], right: Sequence[Result]) -> bool:
    return bool({r.run.seed for r in left} & {r.run.seed for r in right})


def _is_plain(result: Result) -> bool:
    distil = RunRecord.read(result.folder).settings.distil
    return (
        distil is not None
        and distil.mode == "offline"
        and [term.name for term in distil.losses] == [PLAIN]
    )


def _is_control(result: Result) -> bool:
    distil = RunRecord.read(result.folder).settings.distil
    return distil is None or (distil.mode == "alone" and not distil.losses)


def _trained(folder: Path) -> float:
    training = RunRecord.read(folder).training
    return training.seconds + training.teacher_seconds if training else 0.0
