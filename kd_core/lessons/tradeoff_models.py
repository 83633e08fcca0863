"""A study's models on one device: measured on the machine at hand, estimated elsewhere."""

from __future__ import annotations

import functools
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd

from kd_core.errors import KDLabError
from kd_core.latency.devices import DEVICES, all_devices, device_title
from kd_core.latency.estimate import Target
from kd_core.latency.work import Work, work_of
from kd_core.lessons.material import Material, Voice
from kd_core.study.budget import Budget, candidates
from kd_core.study.costs import THIS_MACHINE, Cost, cost_of
from kd_core.study.models_frame import shape
from kd_core.study.recommend import Recommendation, recommend
from kd_core.text import Msg

METRIC = "accuracy"
"""Everybody can count it by hand."""

MARGIN = 0.01
"""How much worse still counts as as good, where a model is chosen."""

OFFERED = (
    "raspberry_pi_zero_2w", "raspberry_pi_4", "raspberry_pi_5", "jetson_orin_nano",
    "snapdragon_888", "stm32h747",
)  # fmt: skip
"""Devices to choose from, small and large ones."""


def device_options(material: Material) -> list[tuple[str, Msg]]:
    """The machine at hand, where the models were measured on it, and some devices."""
    here = [(THIS_MACHINE, Msg("lesson.tradeoff.device.here"))]
    measured = any(voice.result.latency() for voice in material.voices)
    others = [
        (name, Msg("lesson.tradeoff.device.other", {"device": device_title(name, DEVICES[name])}))
        for name in OFFERED
    ]
    return [*(here if measured else []), *others]


def models_on(material: Material, device: str) -> pd.DataFrame:
    """One row a model: what it is, its accuracy with the interval, and its time with the band.

    Columns as :func:`kd_core.study.budget.candidates` reads them, with ``label``, ``role``,
    ``seed``, ``macs``, ``params`` and ``source``; ``latency_ms`` is NaN where nobody knows it.
    """
    return pd.DataFrame([_row(material, voice, device) for voice in material.voices])


def budget_ms(models: pd.DataFrame, percent: float) -> float:
    """A share of the teacher's time in milliseconds; of the slowest model's where it has none."""
    times = models["latency_ms"]
    teacher = times[(models["role"] == "teacher") & times.notna()]
    whole = float(teacher.iloc[0]) if len(teacher) else float(times.max())
    return whole * percent / 100


def choose(models: pd.DataFrame, limit_ms: float) -> tuple[pd.DataFrame, Recommendation]:
    """The kinds of model whose mean time is within the limit, and which of them to take."""
    return choose_of(candidates(models, METRIC), limit_ms)


def choose_of(kinds: pd.DataFrame, limit_ms: float) -> tuple[pd.DataFrame, Recommendation]:
    """The same from kinds of model, as :func:`kd_core.study.budget.candidates` gives them."""
    within = kinds[Budget({"latency_ms": limit_ms}).within(kinds)].reset_index(drop=True)
    return within, recommend(within, METRIC, MARGIN)


def _row(material: Material, voice: Voice, device: str) -> dict[str, Any]:
    model = voice.result.model
    value, low, high = _score(model.scores_json)
    cost = _cost(material, voice, device)
    return {
        "study": material.key,
        "arm": voice.name,
        "name": model.name,
        "label": voice.result.label,
        "role": voice.role,
        "seed": voice.seed,
        f"value.{METRIC}": value,
        f"low.{METRIC}": low,
        f"high.{METRIC}": high,
        "latency_ms": cost.latency_ms,
        "low_ms": cost.low_ms,
        "high_ms": cost.high_ms,
        "source": cost.source,
        "size_bytes": model.size_bytes,
        "macs": model.macs,
        "params": model.params,
    }


def _cost(material: Material, voice: Voice, device: str) -> Cost:
    if device == THIS_MACHINE:
        found = voice.result.latency()
        if found is None:
            return Cost()
        ms = found.latency_ms_p50
        return Cost(latency_ms=ms, low_ms=ms, high_ms=ms, source="measured")
    spec = all_devices(material.home).get(device)
    work = _work(_same_cost(material, voice))
    return Cost() if spec is None or work is None else cost_of(work, Target(device), spec)


def _same_cost(material: Material, voice: Voice) -> Path:
    """The file of the first model that costs as much: it is read once for all of them."""

    def kind(one: Voice) -> str:
        return shape(one.result.model._asdict(), material.data.size)

    mine = kind(voice)
    return next(one.result.file for one in material.voices if kind(one) == mine)


@functools.lru_cache(maxsize=256)
def _work(file: Path) -> Work | None:
    """The work of a file; ``None`` where it cannot be read."""
    try:
        return work_of(file)
    except KDLabError:
        return None


@functools.lru_cache(maxsize=1024)
def _score(scores_json: str) -> tuple[float, float, float]:
    """Value and interval as they stand in a record; NaN where there is none."""
    score = json.loads(scores_json)[METRIC]
    value, low, high = (
        math.nan if score[end] is None else float(score[end]) for end in ("value", "low", "high")
    )
    return value, low, high
