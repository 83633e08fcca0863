"""Methods side by side on one pair of networks: a list of methods becomes one study, and back.

A method is named like the texts of its entry: ``loss.dkd`` is one loss with a fixed teacher,
``mode.mutual`` a way of learning with soft targets. Everything else is the study's, so that a
difference between two arms is the method and nothing else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from kd_core.config import Arm, DistilSettings, LossTerm, StudySettings
from kd_core.errors import StoreError
from kd_core.evaluate.correction import holm
from kd_core.evaluate.metrics import METRICS
from kd_core.evaluate.pareto import Spread, over_seeds
from kd_core.evaluate.verdict import Verdict
from kd_core.losses import LOSSES, LossSpec
from kd_core.study.records import RunRecord
from kd_core.study.results import Result, compare_arms
from kd_core.train.modes import MODES

PLAIN = "kd"
"""The method that all others should beat: soft targets from a fixed teacher."""

PROPOSED = 12
"""Methods in the list that a person is offered first."""

BASELINE = "baseline"
STILL = 0.05
"""A corrected p below this holds."""


# --- a list of methods becomes a study ----------------------------------------------------------


def methods(task: str) -> tuple[str, ...]:
    """Every method that a task has a form for and that needs no setting from a person.

    >>> "loss.kd" in methods("multilabel"), "loss.dkd" in methods("multilabel")
    (True, False)
    """
    losses = [f"loss.{name}" for name, spec in LOSSES.items() if task in spec.tasks]
    modes = [f"mode.{name}" for name in MODES if name not in ("alone", "offline")]
    return (*losses, *modes)


def proposal(task: str) -> tuple[str, ...]:
    """A list to begin with: plain soft targets, then each family in turn, the oldest first."""
    families: dict[str, list[str]] = {}
    for name, spec in LOSSES.items():
        if task in spec.tasks:
            kind = "labels" if spec.needs == "labels" else spec.family
            families.setdefault(kind, []).append(f"loss.{name}")
    turns = max((len(names) for names in families.values()), default=0)
    ordered = [names[i] for i in range(turns) for names in families.values() if i < len(names)]
    return tuple(ordered[:PROPOSED])


def usual_weight(spec: LossSpec) -> float | None:
    """``None``, which is 1 − α, for response losses; else the middle of the published weights.

    The middle is geometric, since published weights lie powers of ten apart.
    """
    if spec.family == "response":
        return None
    low, high = spec.range or (1.0, 1.0)
    middle = math.sqrt(max(low, high * 1e-4) * high)
    return float(f"{middle:.2g}")


def usual_term(name: str) -> LossTerm:
    """A loss as a person finds it when it is chosen."""
    spec = LOSSES[name]
    return LossTerm(name=name, weight=usual_weight(spec), params=spec.defaults())


def arm_for(method: str, like: DistilSettings) -> Arm:
    """One method as an arm, with the shared α, views and plain terms of ``like``.

    >>> arm_for("loss.kd", DistilSettings(alpha=0.3)).distil.alpha
    0.3
    """
    kind, _, name = method.partition(".")
    wanted = name if kind == "loss" else PLAIN
    term = next((term for term in like.losses if term.name == wanted), usual_term(wanted))
    mode = "offline" if kind == "loss" else name
    own = like.params if like.mode == mode else MODES[mode].defaults()
    distil = like.change(mode=mode, losses=(term,), params=own, ramps=(), peers=())
    return Arm(name=name, distil=distil)


def comparison(
    study: StudySettings, chosen: Sequence[str], seeds: Sequence[int], name: str
) -> StudySettings:
    """The study with one arm a method, on these seeds.

    Args:
        study: Where data, networks, recipe and the first arm's α and views come from.
        chosen: Names of :func:`methods`.
        seeds: Of every arm.
        name: Of the study.
    """
    like = study.arms[0].distil if study.arms else DistilSettings()
    arms = tuple(arm_for(method, like) for method in chosen)
    return study.change(name=name, arms=arms, seeds=tuple(seeds), chains=(), imported=())


# --- a finished study is read -------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """One arm of a comparison.

    Attributes:
        arm: Its name; ``baseline`` is the student alone.
        values: The metric by seed.
        spread: Mean over seeds with its interval.
        ranks: Place among the students by seed, 1 is best; ties share the mean of their places.
        verdict: Against the student alone; ``None`` for itself.
        p_holm: Its p, corrected for the number of methods in the list.
        plain: Verdict against plain soft targets; ``None`` where there is none, or for itself.
        harms: True where the method ends below the student alone, beyond chance.
        seconds: Mean seconds of training, a live teacher and other networks included.
        ratio: Of these to the baseline's.
        teacher_s: Seconds for stored answers of a teacher, the largest over the seeds, since
            whoever comes first fills the store for all.
        own_recipe: Another budget or recipe than the baseline's.
    """

    arm: str
    values: Mapping[int, float]
    spread: Spread
    ranks: Mapping[int, float]
    verdict: Verdict | None
    p_holm: float
    plain: Verdict | None
    harms: bool
    seconds: float
    ratio: float
    teacher_s: float
    own_recipe: bool

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
        agreement: Kendall's W of the ranks over seeds, 0 (chance) to 1 (always the same order);
            NaN for one seed.
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
    part: str = "val",
    margin: float = 0.01,
    opened: bool = False,
    values: Mapping[str, Mapping[int, float]] | None = None,
) -> Comparison:
    """What a finished study says of its methods.

    Args:
        arms: Models by arm, as :func:`kd_core.study.results.by_arm` gives them.
        metric: With one value.
        part: ``val``, or another once the test part is open.
        margin: How much worse still counts as as good.
        opened: Whether the test part is open.
        values: The metric by arm and seed; those of validation where not given.

    Raises:
        StoreError: ``baseline_missing`` where no student alone is finished; else as
            :func:`kd_core.study.results.predictions`.
    """
    students = {a: g for a, g in arms.items() if g[0].model.role in ("baseline", "student")}
    if BASELINE not in students:
        raise StoreError("baseline_missing")
    at = values or {a: _values(group, metric) for a, group in arms.items()}
    judge = {"part": part, "margin": margin, "opened": opened}
    verdicts = {
        a: compare_arms(g, students[BASELINE], metric, **judge)  # type: ignore[arg-type]
        for a, g in students.items()
        if a != BASELINE and _shared(g, students[BASELINE])
    }
    plain = next((a for a, g in students.items() if _is_plain(g[0])), None)
    against_plain = {
        a: compare_arms(g, students[plain], metric, **judge)  # type: ignore[arg-type]
        for a, g in students.items()
        if plain is not None and a != plain and _shared(g, students[plain])
    }
    corrected = dict(zip(verdicts, holm([v.p for v in verdicts.values()]), strict=True))
    higher = METRICS[metric].higher_is_better
    ranks = rank_by_seed({a: at[a] for a in students}, higher)
    records = {r.run.id: RunRecord.read(r.folder) for g in students.values() for r in g}
    alone_s = _seconds(students[BASELINE], records)
    recipe = records[students[BASELINE][0].run.id].settings.train
    rows = [
        Row(
            arm=a,
            values=at[a],
            spread=over_seeds(list(at[a].values())),
            ranks=ranks.get(a, {}),
            verdict=verdicts.get(a),
            p_holm=corrected.get(a, math.nan),
            plain=against_plain.get(a),
            harms=a in verdicts and verdicts[a].kind == "worse",
            seconds=_seconds(g, records),
            ratio=_seconds(g, records) / alone_s if alone_s else math.nan,
            teacher_s=max(_teacher_s(records[r.run.id]) for r in g),
            own_recipe=records[g[0].run.id].settings.train != recipe,
        )
        for a, g in students.items()
    ]
    teachers = [v for a, g in arms.items() if g[0].model.role == "teacher" for v in at[a].values()]
    return Comparison(
        metric=metric,
        rows=tuple(sorted(rows, key=lambda row: _order(row.spread.mean, higher))),
        teacher=fmean(teachers) if teachers else math.nan,
        agreement=kendall_w(ranks),
        seeds=tuple(sorted(next(iter(ranks.values()), {}))),
        total_s=sum(_total(r) for r in records.values()),
    )


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
    (Kendall & Babington Smith 1939), without a correction for ties.

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


def _values(group: Sequence[Result], metric: str) -> dict[int, float]:
    found = {r.run.seed: r.scores[metric].value for r in group if metric in r.scores}
    return {seed: math.nan if value is None else value for seed, value in found.items()}


def _shared(left: Sequence[Result], right: Sequence[Result]) -> bool:
    return bool({r.run.seed for r in left} & {r.run.seed for r in right})


def _is_plain(result: Result) -> bool:
    distil = RunRecord.read(result.folder).settings.distil
    return (
        distil is not None
        and distil.mode == "offline"
        and [term.name for term in distil.losses] == [PLAIN]
    )


def _seconds(group: Sequence[Result], records: Mapping[str, RunRecord]) -> float:
    times = [t.seconds for r in group if (t := records[r.run.id].training) is not None]
    return fmean(times) if times else math.nan


def _teacher_s(record: RunRecord) -> float:
    return record.training.teacher_seconds if record.training else 0.0


def _total(record: RunRecord) -> float:
    return record.training.seconds + record.training.teacher_seconds if record.training else 0.0
