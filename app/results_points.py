"""A study's models as points of the trade-off plot."""

from __future__ import annotations

import streamlit as st

from app import answers, readings
from app.readings import Reading
from kd_core.evaluate import Score, score
from kd_core.figures import ModelPoint
from kd_core.study.records import ScoreRecord
from kd_core.study.results import Level, Result


def points(reading: Reading) -> list[ModelPoint]:
    """Models as the trade-off plot takes them.

    Out-of-fold answers of a seed are one point: single folds were judged on images of their own.
    """
    if reading.part != "val" or not reading.study.settings.folds:
        return [_point(result, reading.score(result), result.label) for result in reading.results]
    found = []
    runs = readings.run_ids(reading)
    for arm, group in reading.arms.items():
        firsts = {result.run.seed: result for result in reversed(group)}
        scores = _of_seeds(reading.study.id, runs, arm, reading.metric, reading.level)
        for seed, one in zip(sorted(firsts), scores, strict=True):
            found.append(_point(firsts[seed], one, f"{arm}-s{seed}"))
    return found


@st.cache_data(show_spinner=False, max_entries=200)
def _of_seeds(
    study_id: str, runs: tuple[str, ...], arm: str, metric: str, level: Level
) -> list[Score]:
    """The pooled validation score of each seed of a cross-validation."""
    models = answers.of_arm(study_id, runs, "val", False, level, arm)
    return [score(one, [metric])[metric] for one in models]


def _point(result: Result, found: ScoreRecord | Score, label: str) -> ModelPoint:
    measured = result.latency()
    return ModelPoint(
        label=label,
        arm=result.arm,
        role=result.model.role,
        seed=result.run.seed,
        value=readings.known(found.value),
        low=readings.known(found.low),
        high=readings.known(found.high),
        size_bytes=result.model.size_bytes,
        latency_ms=measured.latency_ms_p50 if measured else None,
        macs=result.model.macs,
        params=result.model.params,
    )
