"""Which model to take, and why.

The rule, in words: of all models within the limits, look at the best mean validation score; of
those that are not worse than it by more than the study's margin, take the fastest on the chosen
device (the smallest file where no latency is known). The runner-up is what the rule takes when the
first is gone. The test part plays no role.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kd_core.errors import StoreError
from kd_core.evaluate import METRICS
from kd_core.evaluate.predictions import Predictions, read_predictions
from kd_core.evaluate.verdict import Verdict, compare
from kd_core.latency.devices import DEVICES
from kd_core.study.costs import Cost
from kd_core.study.results import PREDICTIONS
from kd_core.study.store import Store
from kd_core.text import Msg, significant


def higher_is_better(metric: str) -> bool:
    """Which way is up, for a score by class (``sensitivity:ring``) too."""
    return METRICS[metric.partition(":")[0]].higher_is_better


@dataclass(frozen=True)
class Recommendation:
    """What the rule found.

    Attributes:
        best: Its row; ``None`` where nothing is within the limits.
        runner_up: The next one's row.
        top: Row of the best mean score, which may be the same as ``best``.
        remain: Candidates within the limits.
        near: Candidates whose score is within the margin of the best.
    """

    best: int | None
    runner_up: int | None
    top: int | None
    remain: int
    near: int


def recommend(candidates: pd.DataFrame, metric: str, margin: float) -> Recommendation:
    """Apply the rule to candidates that are within the limits.

    Args:
        candidates: With ``value``, ``latency_ms`` and ``size_bytes``, one row a candidate.
        metric: What ``value`` is.
        margin: How much worse still counts as as good.

    >>> table = pd.DataFrame({"value": [0.95, 0.945, 0.7], "latency_ms": [9.0, 2.0, 1.0],
    ...                       "size_bytes": [9, 2, 1]})
    >>> recommend(table, "accuracy", 0.01).best
    1
    """
    sign = 1.0 if higher_is_better(metric) else -1.0
    score = sign * candidates["value"].to_numpy(float)
    rows = np.flatnonzero(np.isfinite(score))
    if not len(rows):
        return Recommendation(None, None, None, 0, 0)
    time = candidates["latency_ms"].to_numpy(float)
    size = candidates["size_bytes"].to_numpy(float)
    best, near = _choose(rows, score, time, size, margin)
    rest = rows[rows != best]
    runner_up = _choose(rest, score, time, size, margin)[0] if len(rest) else None
    top = int(rows[np.argmax(score[rows])])
    return Recommendation(best, runner_up, top, len(rows), near)


def _choose(
    rows: np.ndarray, score: np.ndarray, time: np.ndarray, size: np.ndarray, margin: float
) -> tuple[int, int]:
    """The row, and how many were near enough to be asked."""
    near = rows[score[rows] >= score[rows].max() - margin]
    known = near[np.isfinite(time[near])]
    asked = known if len(known) else near
    order = np.lexsort((-score[asked], size[asked], time[asked]))
    return int(asked[order[0]]), len(near)


def reasons(found: Recommendation, candidates: pd.DataFrame, metric: str, margin: float) -> Msg:
    """Why this one: a sentence with the numbers of the rule."""
    assert found.best is not None
    assert found.top is not None
    best, top = candidates.iloc[found.best], candidates.iloc[found.top]
    fields = {
        "n": found.remain,
        "metric": Msg(f"metric.{metric.partition(':')[0]}.title"),
        "value": float(best["value"]),
        "top": float(top["value"]),
        "gap": abs(float(top["value"]) - float(best["value"])),
        "margin": margin,
        "near": found.near,
    }
    if found.best == found.top:
        return Msg("recommend.best" if found.near == 1 else "recommend.best_and_fastest", fields)
    return Msg("recommend.fastest", fields)


# --- in words -----------------------------------------------------------------------------------


def two(value: float) -> float:
    """Two significant digits: what an estimate can carry.

    >>> two(13.72), two(0.0456)
    (14.0, 0.046)
    """
    return significant(value, 2)


def sentence(row: pd.Series, metric: str, device: Msg, runtime: Msg) -> Msg:
    """One candidate in a line: time with its band and what it rests on, file, score."""
    return Msg(
        "recommend.line",
        {
            "name": name_of(row),
            "time": time_msg(row, device, runtime),
            "size": float(row["size_bytes"]),
            "metric": metric_msg(metric),
            "score": score_msg(row),
        },
    )


def name_of(row: Mapping[Any, Any] | pd.Series) -> Msg:
    """Network and arm, and the step of a chain."""
    way = "recommend.step" if row["step"] else "recommend.arm"
    fields = {"network": row["architecture"], "arm": row["arm"], "step": row["name"]}
    if row["role"] in ("teacher", "baseline"):
        return Msg("recommend.role", {**fields, "role": Msg(f"role.{row['role']}")})
    return Msg(way, fields)


def metric_msg(metric: str) -> Msg:
    """A metric's title; with its class where it has one."""
    name, _, label = metric.partition(":")
    title = Msg(f"metric.{name}.title")
    return Msg("recommend.of_class", {"metric": title, "class": label}) if label else title


def score_msg(row: pd.Series) -> Msg:
    """Mean ± sd over seeds, or one value with its interval, where it has one."""
    if row["n"] > 1:
        fields = {"value": row["value"], "sd": row["sd"], "n": int(row["n"])}
        return Msg("recommend.score_seeds", fields)
    if pd.isna(row["low"]):  # folds, whose intervals are of images of their own
        return Msg("recommend.score_bare", {"value": row["value"]})
    fields = {"value": row["value"], "low": row["low"], "high": row["high"]}
    return Msg("recommend.score_one", fields)


def time_msg(row: pd.Series, device: Msg, runtime: Msg) -> Msg:
    """Milliseconds on the device: measured, estimated with its band and tier, or not known."""
    where = {"device": device, "runtime": runtime}
    if row["source"] == "measured":
        return Msg("recommend.time_measured", {"ms": two(row["latency_ms"]), **where})
    if row["source"] != "estimated":
        return Msg("recommend.time_none", where)
    origin, *other = str(row.get("derived_from") or "").split("|")[:2]
    elsewhere = Msg(f"device.{origin}.title")
    away = origin in DEVICES and elsewhere != device
    way = "chip" if away else "derived" if other else "estimated"
    return Msg(
        f"recommend.time_{way}" if row["n_networks"] else "recommend.time_sheet",
        {
            "low": two(row["low_ms"]),
            "high": two(row["high_ms"]),
            "tier": row["tier"],
            "networks": Msg("recommend.networks", {"n": int(row["n_networks"])}),
            "rows": Msg("recommend.rows", {"n": int(row["n_rows"])}),
            **({"other": Msg(f"runtime.{other[0]}")} if other else {}),
            **({"origin": elsewhere} if away else {}),
            **where,
        },
    )


def believe(band: tuple[float, float], better: Cost, chosen: str, other: str) -> list[Msg]:
    """Which of two estimates for one device to believe, where their bands do not even overlap.

    Args:
        band: Milliseconds of the chosen runtime.
        better: The estimate of tier A.
        chosen: The chosen runtime.
        other: That of tier A.

    >>> believe((7.0, 18.0), Cost(low_ms=9.0, high_ms=14.0), "onnxruntime", "ncnn")
    []
    """
    if band[0] <= better.high_ms and better.low_ms <= band[1]:
        return []
    names = {"chosen": Msg(f"runtime.{chosen}"), "better": Msg(f"runtime.{other}")}
    return [Msg("recommend.believe", names)]


def headline(row: pd.Series, reference: pd.Series) -> Msg:
    """How much faster and smaller than the reference, speed first."""
    same = row["run"] == reference["run"] and row["name"] == reference["name"]
    if same:
        return Msg("recommend.is_reference")
    fields = {
        "reference": name_of(reference),
        "smaller": two(reference["size_bytes"] / row["size_bytes"]),
        "faster": two(row["speed_up"]),
        "low": two(row["speed_up_low"]),
        "high": two(row["speed_up_high"]),
    }
    if not np.isfinite(row["speed_up"]):
        return Msg("recommend.smaller", fields)
    known = row["source"] == "measured"
    return Msg("recommend.faster_measured" if known else "recommend.faster", fields)


# --- against the reference ----------------------------------------------------------------------


def verdict_between(
    store: Store, left: pd.DataFrame, right: pd.DataFrame, metric: str, margin: float
) -> Verdict:
    """The verdict on two candidates over the seeds that both have, on validation images.

    One model without a partner is paired with every seed of the other.

    Args:
        store: Where the predictions are.
        left: Rows of the frame of models, one a seed.
        right: The reference's rows.
        metric: Entry of ``METRICS`` with one value.
        margin: How much worse still counts as as good.

    Raises:
        StoreError: ``predictions_missing``.
        DataError: ``pairs_empty``, ``pairs_differ``, ``pairs_other_truth``.
    """
    pairs = _pairs(left, right)
    read = {place: _predictions(store, *place) for place in {p for pair in pairs for p in pair}}
    return compare([read[a] for a, _ in pairs], [read[b] for _, b in pairs], metric, margin=margin)


Place = tuple[str, str]


def _pairs(left: pd.DataFrame, right: pd.DataFrame) -> list[tuple[Place, Place]]:
    ours, theirs = (
        [(str(r["run"]), str(r["name"]), int(r["seed"])) for _, r in table.iterrows()]
        for table in (left, right)
    )
    if len(ours) == 1 or len(theirs) == 1:
        return [(a[:2], b[:2]) for a in ours for b in theirs]
    partner = {seed: (run, name) for run, name, seed in theirs}
    return [(a[:2], partner[a[2]]) for a in ours if a[2] in partner]


def _predictions(store: Store, run: str, name: str) -> Predictions:
    path = store.folder(run) / PREDICTIONS / f"{name}-val.parquet"
    if not path.is_file():
        raise StoreError("predictions_missing", run=run, part="val")
    return read_predictions(path)
