"""What a report says of a study, as facts: no sentence and no markup here.

Pages and the command line make HTML of it (``report_html.py``); the limits are part of the result,
so they are worked out here and not left to whoever writes the text.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from kd_core.errors import KDLabError
from kd_core.evaluate.arms import score_of_arm, seed_figures
from kd_core.evaluate.pareto import Spread, over_seeds
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.verdict import Verdict
from kd_core.study.protocol import protocol_items
from kd_core.study.records import DataRecord, RunRecord
from kd_core.study.results import (
    Result,
    arm_predictions,
    compare_arms,
    predictions,
    seed_values,
)
from kd_core.study.rows import StudyRow
from kd_core.study.store import Store
from kd_core.text import Msg

FEW_SEEDS = 3
SMALL_PART = 500
"""Validation images below which an accuracy's interval is wider than about ± 2.6 points at 90 %."""


@dataclass(frozen=True)
class Group:
    """Models that only the seed tells apart.

    Attributes:
        arm: What it is compared as.
        name: Model within the run; a step of a chain has its own.
        members: One a seed.
        spread: Of the metric over seeds.
        interval: Of its mean, over patients and seeds; NaN where there are no predictions.
        verdict: Against the teacher, where both have predictions.
    """

    arm: str
    name: str
    members: tuple[Result, ...]
    spread: Spread
    interval: tuple[float, float] = (math.nan, math.nan)
    verdict: Verdict | None = None

    @property
    def first(self) -> Result:
        """The model of the first seed, which stands for what all share."""
        return self.members[0]


@dataclass(frozen=True)
class Facts:
    """Everything that a report is made from.

    Attributes:
        study: The study.
        part: Which images the scores are on.
        metric: The accuracy axis.
        groups: Models, in the order of the study's graph.
        data: Which data the runs saw.
        protocol: What all students share, by item.
        patients: Patients of the part; ``None`` where they are not known.
        environments: Different environments, each with the keys of its runs.
        hashes: Key, config hash, model, file hash of every model.
        cpus: Processors on which latency was measured.
        limits: What the results do not say.
    """

    study: StudyRow
    part: str
    metric: str
    groups: tuple[Group, ...]
    data: DataRecord
    protocol: dict[str, Any]
    patients: int | None
    environments: tuple[tuple[dict[str, Any], tuple[str, ...]], ...]
    hashes: tuple[tuple[str, str, str, str], ...]
    cpus: tuple[str, ...]
    limits: tuple[Msg, ...]


def study_facts(
    store: Store, study: StudyRow, results: Sequence[Result], metric: str, part: str = "val"
) -> Facts:
    """Collect the facts of a study with finished models.

    Args:
        store: Where the records are.
        study: The study.
        results: Its finished models, at least one.
        metric: The accuracy axis.
        part: ``val``, or another part once the study's test part was opened.

    Raises:
        StoreError: ``record_missing``, ``record_unreadable``.
    """
    runs = dict.fromkeys(result.run.id for result in results)
    records = {run: store.record(run) for run in runs}
    groups = _groups(results, metric, study, part)
    one = _read(results[0], part, study)
    patients = None if one is None or one.patients is None else len(set(one.patients.tolist()))
    shared = next((r for r in results if r.model.role in ("baseline", "student")), results[0])
    config = records[shared.run.id].settings.to_json()
    measured = [m for r in results for m in r.measurements if m.target_device == "this_machine"]
    cpus = tuple(sorted({m.cpu for m in measured}))
    data = records[results[0].run.id].data
    return Facts(
        study=study,
        part=part,
        metric=metric,
        groups=groups,
        data=data,
        protocol=protocol_items(config, config),
        patients=patients,
        environments=_environments(records, results),
        hashes=tuple((r.run.key, r.run.config_hash, r.model.name, r.model.sha256) for r in results),
        cpus=cpus,
        limits=_limits(study, data, groups, part, patients, cpus),
    )


def _groups(
    results: Sequence[Result], metric: str, study: StudyRow, part: str
) -> tuple[Group, ...]:
    by_name: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        by_name.setdefault((result.arm, result.model.name), []).append(result)
    teacher = next((g for g in by_name.values() if g[0].model.role == "teacher"), None)
    found = []
    for (arm, name), members in by_name.items():
        values = _values(members, metric, part)
        against = None if teacher is None or members is teacher else teacher
        verdict = _verdict(members, against, metric, study, part) if against else None
        ends = _interval(members, metric, study, part)
        found.append(Group(arm, name, tuple(members), over_seeds(values), ends, verdict))
    return tuple(found)


def _interval(
    members: Sequence[Result], metric: str, study: StudyRow, part: str
) -> tuple[float, float]:
    opened = study.test_opened_at is not None
    try:
        found = score_of_arm(arm_predictions(members, part, opened=opened), metric)
    except KDLabError:  # a model without predictions of this part
        return math.nan, math.nan
    return found.low, found.high


def _values(members: Sequence[Result], metric: str, part: str) -> list[float]:
    """The metric of each seed on the part; those of validation stand in the records."""
    if part == "val":
        return [v for v in seed_values(members, metric).values() if not math.isnan(v)]
    try:
        models = arm_predictions(members, part, opened=True)
    except KDLabError:  # sealed, or a model without predictions of this part
        return []
    return list(seed_figures(models, metric))


def _verdict(
    left: Sequence[Result], right: Sequence[Result], metric: str, study: StudyRow, part: str
) -> Verdict | None:
    opened = study.test_opened_at is not None
    try:
        margin = study.settings.margin
        return compare_arms(left, right, metric, part=part, margin=margin, opened=opened)
    except KDLabError:  # a model without predictions of this part has no verdict
        return None


def _read(result: Result, part: str, study: StudyRow) -> Predictions | None:
    try:
        return predictions(result, part, opened=study.test_opened_at is not None)
    except KDLabError:
        return None


def _environments(
    records: dict[str, RunRecord], results: Sequence[Result]
) -> tuple[tuple[dict[str, Any], tuple[str, ...]], ...]:
    keys = {result.run.id: result.run.key for result in results}
    found: list[tuple[dict[str, Any], list[str]]] = []
    for run, record in records.items():
        same = next((names for env, names in found if env == record.environment), None)
        if same is None:
            found.append((record.environment, [keys[run]]))
        else:
            same.append(keys[run])
    return tuple((env, tuple(names)) for env, names in found)


def _limits(
    study: StudyRow,
    data: DataRecord,
    groups: Sequence[Group],
    part: str,
    patients: int | None,
    cpus: Sequence[str],
) -> tuple[Msg, ...]:
    """What the results do not say, the gravest first."""
    limits = [Msg("report.limit.device")]
    if data.synthetic:
        limits.append(Msg("report.limit.synthetic"))
    if part == "val":
        sealed = study.test_opened_at is None
        limits.append(Msg("report.limit.sealed" if sealed else "report.limit.validation"))
    seeds = max((len(g.members) for g in groups if g.first.model.role != "teacher"), default=0)
    if seeds < FEW_SEEDS:
        limits.append(Msg("report.limit.seeds", {"n": seeds}))
    if patients is None:
        limits.append(Msg("report.limit.patients"))
    images = data.counts.get("val" if part == "val" else "test", 0)
    if images < SMALL_PART:
        limits.append(Msg("report.limit.images", {"n": images}))
    if not data.externals:
        limits.append(Msg("report.limit.external"))
    near = data.external_near.items()
    limits += [Msg("external.near", {"name": name, "n": n}) for name, n in near]
    if cpus:
        limits.append(Msg("report.limit.latency", {"cpus": list(cpus)}))
    return tuple(limits)


def deployable(facts: Facts) -> Group:
    """Whose model card is printed: the best student by mean validation score, else the last."""
    from kd_core.study.recommend import higher_is_better

    sign = 1.0 if higher_is_better(facts.metric) else -1.0
    small = [g for g in facts.groups if g.first.model.role not in ("teacher", "imported")]
    scored = [g for g in small if g.spread.mean == g.spread.mean]
    return max(scored, key=lambda g: sign * g.spread.mean) if scored else facts.groups[-1]
