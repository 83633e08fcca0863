"""A study's finished models as the Results page shows them; heavy figures are computed once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from app import answers
from app.services import services
from app.texts import number, say
from kd_core.errors import KDLabError
from kd_core.evaluate import METRICS, Score, Verdict, compare, over_seeds, score
from kd_core.evaluate.arms import score_of_arm, seed_figures
from kd_core.evaluate.correction import holm
from kd_core.evaluate.paired import p_msg
from kd_core.study.records import ScoreRecord
from kd_core.study.results import (
    Level,
    Result,
    arm_of,
    arm_predictions,
    by_arm,
    last_steps,
    origin_arm,
    results,
)
from kd_core.study.rows import StudyRow


@dataclass(frozen=True)
class Reading:
    """A study, its models, and which part is looked at.

    Attributes:
        study: The study.
        results: Its finished models.
        part: ``val``, or ``test`` and ``external-…`` once the test part is open.
        metric: The accuracy axis.
        level: Whether an answer is for an image, or for a patient.
    """

    study: StudyRow
    results: tuple[Result, ...]
    part: str
    metric: str
    level: Level = "image"

    @property
    def opened(self) -> bool:
        """Whether the test part was opened."""
        return self.study.test_opened_at is not None

    @property
    def arms(self) -> dict[str, list[Result]]:
        """Models by arm."""
        return by_arm(self.results)

    @property
    def recorded(self) -> bool:
        """Whether the scores that are looked at stand in the records."""
        return self.part == "val" and self.level == "image"

    def score(self, result: Result) -> ScoreRecord | Score:
        """The chosen metric of one model on the chosen part.

        A record without an interval may be from before rare labels were left out of means.
        """
        if self.recorded and result.scores[self.metric].low is not None:
            return result.scores[self.metric]
        place = (self.study.id, result.run.id, result.model.name)
        return scores_on(*place, self.part, self.opened, self.level, (self.metric,))[self.metric]

    def scores(self, result: Result) -> Mapping[str, ScoreRecord | Score]:
        """All scores of one model on the chosen part."""
        if self.recorded:
            return result.scores
        place = (self.study.id, result.run.id, result.model.name)
        return scores_on(*place, self.part, self.opened, self.level)

    @property
    def shown_arms(self) -> dict[str, list[Result]]:
        """Models by arm, without the steps on the way of a chain."""
        arms = self.arms
        return {arm: arms[arm] for arm in last_steps(arms)}


@st.cache_data(show_spinner=False, max_entries=200)
def patients_known(study_id: str, run_id: str) -> bool:
    """Whether the images of a study have patients, as its predictions of one run say."""
    found = next(r for r in results(services().store, study_id) if r.run.id == run_id)
    try:
        return arm_predictions([found])[0].patients is not None
    except KDLabError:
        return False


def read_study(study_id: str) -> tuple[StudyRow, tuple[Result, ...]]:
    """A study with its finished models."""
    store = services().store
    return store.study(study_id), tuple(results(store, study_id))


@st.cache_data(show_spinner=False, max_entries=500)
def scores_on(
    study_id: str,
    run_id: str,
    model: str,
    part: str,
    opened: bool,
    level: Level = "image",
    metrics: tuple[str, ...] | None = None,
) -> dict[str, Score]:
    """Scores of a run's model on a part that is open; all metrics where none is named."""
    found = next(
        r
        for r in results(services().store, study_id)
        if (r.run.id, r.model.name) == (run_id, model)
    )
    return score(arm_predictions([found], part, opened=opened, level=level)[0], metrics)


@st.cache_data(show_spinner=False, max_entries=500)
def _verdict(
    study_id: str,
    runs: tuple[str, ...],
    arms: tuple[str, str],
    metric: str,
    part: str,
    margin: float,
    opened: bool,
    level: Level,
) -> Verdict:
    first, second = answers.pair(study_id, runs, arms, part, opened, level)
    return compare(first, second, metric, margin=margin)


def verdict(reading: Reading, arm: str, against: str) -> Verdict:
    """The verdict on two arms of a study, computed once for the same runs."""
    return _verdict(
        reading.study.id,
        run_ids(reading),
        (arm, against),
        reading.metric,
        reading.part,
        reading.study.settings.margin,
        reading.opened,
        reading.level,
    )


def run_ids(reading: Reading) -> tuple[str, ...]:
    """What a figure of these models is cached by."""
    return tuple(sorted(r.run.id for r in reading.results))


def holm_of(reading: Reading, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], float]:
    """Corrected p of each pair: the pairs against one and the same arm are one list."""
    lists: dict[str, list[tuple[str, str]]] = {}
    for pair in pairs:
        lists.setdefault(pair[1], []).append(pair)
    found: dict[tuple[str, str], float] = {}
    for group in lists.values():
        found |= zip(group, holm([verdict(reading, *pair).p for pair in group]), strict=True)
    return found


@st.cache_data(show_spinner=False, max_entries=500)
def _arm_score(
    study_id: str,
    runs: tuple[str, ...],
    arm: str,
    metric: str,
    part: str,
    opened: bool,
    level: Level,
) -> tuple[Score, tuple[float, ...]]:
    models = answers.of_arm(study_id, runs, part, opened, level, arm)
    return score_of_arm(models, metric), seed_figures(models, metric)


def arm_score(reading: Reading, arm: str) -> tuple[Score, tuple[float, ...]]:
    """The figure of an arm with its interval over patients and seeds, and the figure of each seed.

    The folds of a seed are one: pooled on validation data, their mean figure elsewhere.
    """
    runs = run_ids(reading)
    where = (reading.metric, reading.part, reading.opened, reading.level)
    return _arm_score(reading.study.id, runs, arm, *where)


def verdict_pairs(reading: Reading) -> list[tuple[str, str]]:
    """What is judged against what.

    Students against the student alone and the teacher; the end of a chain against its beginning.
    """
    arms = reading.shown_arms
    chains = {chain.name: chain for chain in reading.study.settings.chains}
    pairs: list[tuple[str, str]] = []
    for arm, group in arms.items():
        if group[0].model.role == "student":
            pairs += [(arm, other) for other in ("baseline", "teacher") if other in arms]
        chain = chains.get(arm_of(group[0].run))
        origin = origin_arm(chain, arms) if chain is not None else None
        if origin is not None:
            pairs.append((arm, origin))
    return pairs


def value(reading: Reading, result: Result) -> float:
    """The chosen metric of one model on the chosen part; NaN where it is not defined."""
    return known(reading.score(result).value)


def ends(low: float, high: float, unit: str) -> str:
    """Both ends of an interval; a dash where there is none."""
    if math.isnan(low):
        return "–"
    return f"{number(low, unit)} … {number(high, unit)}"


def p_text(p: float) -> str:
    """A p in words; a dash where there is none."""
    return "–" if math.isnan(p) else say(p_msg(p))


def known(value: float | None) -> float:
    """A figure of a record, where what is undefined is ``None``."""
    return math.nan if value is None else value


def metric_names(result: Result) -> list[str]:
    """Metrics with one value that this model has."""
    return [name for name in METRICS if name in result.scores]


def table(reading: Reading) -> pd.DataFrame:
    """One row a model: figures in units that are fit to read."""
    rows = []
    for result in reading.results:
        found, one, many = reading.score(result), result.latency(1), result.latency(0)
        rows.append(
            {
                "key": result.label,
                "role": say(f"role.{result.model.role}"),
                "model": result.model.architecture,
                "seed": result.run.seed,
                "value": found.value,
                "low": found.low,
                "high": found.high,
                "size_mb": result.model.size_bytes / 1e6,
                "params_m": None if result.model.params is None else result.model.params / 1e6,
                "macs_m": None if result.model.macs is None else result.model.macs / 1e6,
                "latency_ms": one.latency_ms_p50 if one else None,
                "latency_ms_p95": one.latency_ms_p95 if one else None,
                "images_per_s": many.images_per_s if many else None,
                "memory_mb": _megabytes(one.peak_memory_bytes if one else None),
                "energy_mj": one.energy_mj if one else None,
                "precision": result.model.precision,
                "gzip_mb": _megabytes(result.model.gzip_bytes),
                "nonzero_m": None if result.model.nonzero is None else result.model.nonzero / 1e6,
                "run": result.run.id,
                "name": result.model.name,
            }
        )
    return pd.DataFrame(rows)


def _megabytes(value: int | None) -> float | None:
    return None if value is None else value / 1e6


def arm_name(arm: str, group: Sequence[Result]) -> str:
    """What an arm is called on the screen."""
    role = group[0].model.role
    return arm if role in ("student", "compressed", "peer", "exit") else say(f"role.{role}")


def arm_summary(reading: Reading, group: Sequence[Result]) -> dict[str, Any]:
    """Mean over seeds with its interval, sd over seeds with its own, size and latency of an arm."""
    found, values = arm_score(reading, group[0].arm)
    spread = over_seeds(values)
    measured = [m for r in group if (m := r.latency()) is not None]
    times = [m.latency_ms_p50 for m in measured]
    return {
        "mean": spread.mean,
        "sd": spread.sd,
        "sd_low": spread.sd_low,
        "sd_high": spread.sd_high,
        "n": spread.n,
        "low": found.low,
        "high": found.high,
        "size": group[0].model.size_bytes,
        "latency": float(pd.Series(times).median()) if times else None,
        "cpu": ", ".join(sorted({m.cpu for m in measured})) or "–",
    }
