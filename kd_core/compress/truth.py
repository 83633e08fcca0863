"""The truth check: what became of a model, said before anybody believes a step's name.

"Pruned but not smaller", "quantised but not faster" is the commonest complaint about every
toolkit. Here each step is looked at from its file, its predictions and the clock.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from kd_core.compress.ran import FLOAT_OPS, LayerRun
from kd_core.compress.spec import Family
from kd_core.evaluate.agreement import agreement
from kd_core.evaluate.predictions import Predictions
from kd_core.evaluate.scores import score
from kd_core.evaluate.verdict import compare
from kd_core.text import Msg

SAME_SIZE = 0.98
"""A file above this share of the one before did not really get smaller."""

SAME_SPEED = 0.05
"""Two latencies that differ by less are one: repeats of one file differ as much, or more on a
machine that does other things meanwhile."""

MASKED = 0.02
"""Share of zeros above which a network is told to have masks."""

LEVEL = 0.05
"""Of the sign test on the images of a class, divided by the number of classes (Bonferroni)."""

CALIBRATION = 0.02
"""A larger growth of the calibration error is told."""

SHOWN_LAYERS = 8

Level = Literal["good", "note", "warning"]
Found = tuple[Level, Msg]
LEVELS: dict[str, Level] = {"cannot_tell": "note", "worse": "warning"}


@dataclass(frozen=True)
class Side:
    """One model as the check sees it; ``None`` where a figure does not exist.

    Attributes:
        size_bytes: The exported file.
        gzip_bytes: After gzip.
        precision: Number format of its weights.
        params: Parameters; ``nonzero`` of them are not zero.
        macs: Multiply-accumulates for one image.
        latency_ms: Median of one image on this machine, both sides measured in turns.
        predictions: On the validation part.
    """

    size_bytes: int
    gzip_bytes: int | None
    precision: str
    params: int | None
    nonzero: int | None
    macs: int | None
    latency_ms: float | None = None
    predictions: Predictions | None = None


@dataclass(frozen=True)
class Truth:
    """What was found.

    Attributes:
        findings: Level (``good``, ``note``, ``warning``) and sentence, in the order of reading.
        numbers: What they rest on, ``None`` where it does not exist.
        classes: Sensitivity of each class before and after.
    """

    findings: tuple[Found, ...]
    numbers: dict[str, float | None] = field(default_factory=dict)
    classes: dict[str, tuple[float | None, float | None]] = field(default_factory=dict)


def check(
    family: Family,
    origin: Side,
    before: Side,
    after: Side,
    *,
    metric: str,
    margin: float = 0.01,
    unrest: float = 0.0,
    layers: Sequence[LayerRun] = (),
    features: Sequence[str] = (),
) -> Truth:
    """The truth about one step.

    Args:
        family: What kind of step it was.
        origin: The model that the chain began with: the judge of speed and accuracy.
        before: The model that this step began with: the judge of its file.
        after: The model that it left.
        metric: The metric of the verdict.
        margin: How much worse still counts as as good.
        unrest: How far two measurements of the ratio of latencies were apart, as a share.
        layers: What onnxruntime really runs in each layer of the file.
        features: Instruction sets of this processor.

    Raises:
        DataError: ``pairs_differ`` where predictions are of other images.
    """
    numbers = ratios(origin, after)
    findings = [
        *_size(family, before, after, numbers),
        *_masks(after, numbers),
        *_layers(after, layers, features),
        *_speed(origin, after, numbers, max(unrest, SAME_SPEED)),
    ]
    classes: dict[str, tuple[float | None, float | None]] = {}
    if origin.predictions is not None and after.predictions is not None:
        one, two = origin.predictions, after.predictions
        findings += _accuracy(one, two, metric, margin)
        findings += _flips(one, two, numbers)
        classes, lost = class_harm(one, two)
        findings += lost
        findings += _calibration(one, two, numbers)
    return Truth(tuple(findings), numbers, classes)


# --- sizes --------------------------------------------------------------------------------------


def ratios(origin: Side, after: Side) -> dict[str, float | None]:
    """How many times smaller and faster; the size apart into architecture and number format.

    ``size_ratio = architecture_factor · precision_factor``: fewer parameters, and fewer bytes for
    each.

    >>> big = Side(400, None, "fp32", 100, 100, None)
    >>> small = Side(25, None, "int8", 25, 25, None)
    >>> found = ratios(big, small)
    >>> found["size_ratio"], found["architecture_factor"], found["precision_factor"]
    (16.0, 4.0, 4.0)
    """
    size = origin.size_bytes / after.size_bytes
    architecture = _ratio(origin.params, after.params)
    return {
        "size_ratio": size,
        "remains": 1 / size,
        "gzip_ratio": _ratio(origin.gzip_bytes, after.gzip_bytes),
        "architecture_factor": architecture,
        "precision_factor": None if architecture is None else size / architecture,
        "params_ratio": architecture,
        "macs_ratio": _ratio(origin.macs, after.macs),
        "speed_up": _ratio(origin.latency_ms, after.latency_ms),
        "origin_latency_ms": origin.latency_ms,
        "latency_ms": after.latency_ms,
        "zeros": None
        if not after.params or after.nonzero is None
        else 1 - after.nonzero / after.params,
    }


def _ratio(one: float | None, other: float | None) -> float | None:
    return one / other if one and other else None


def _size(
    family: Family, before: Side, after: Side, numbers: Mapping[str, float | None]
) -> list[Found]:
    fields = {"before": before.size_bytes, "after": after.size_bytes}
    share = after.size_bytes / before.size_bytes
    ratio, remains = numbers["size_ratio"], numbers["remains"]
    whole = {"times": round(ratio or 0, 2), "remains": remains}
    if family in ("tune", "graph") or share < SAME_SIZE:
        return [("good" if (ratio or 0) > 1 else "note", Msg("truth.size", {**fields, **whole}))]
    return [("warning", Msg("truth.size_unchanged", fields))]


def _masks(after: Side, numbers: Mapping[str, float | None]) -> list[Found]:
    zeros = numbers["zeros"]
    if zeros is None or zeros < MASKED:
        return []
    fields = {"zeros": zeros, "file": after.size_bytes, "zipped": after.gzip_bytes}
    return [("warning", Msg("truth.masks", fields))]


# --- what runs ----------------------------------------------------------------------------------


def _layers(after: Side, layers: Sequence[LayerRun], features: Sequence[str]) -> list[Found]:
    if after.precision == "fp16":
        found = [layer for layer in layers if layer.op in FLOAT_OPS]
        return [("note", Msg("truth.fp16", {"n": len(found)}))] if found else []
    if after.precision not in ("int8", "int4"):
        return []
    floats = [layer.name for layer in layers if layer.op in FLOAT_OPS]
    findings: list[Found] = []
    if floats:
        fields = {"n": len(floats), "all": len(layers), "names": floats[:SHOWN_LAYERS]}
        findings.append(("warning", Msg("truth.fell_back", fields)))
    elif layers:
        findings.append(("good", Msg("truth.all_integer", {"n": len(layers)})))
    fast = [name for name in features if name.endswith("_vnni") or name in ("amx_int8", "i8mm")]
    fast += [name for name in features if name == "asimddp"]
    if fast:
        findings.append(("note", Msg("truth.int8_instructions", {"names": fast})))
    else:
        findings.append(("note", Msg("truth.no_int8_instructions")))
    return findings


def _speed(
    origin: Side, after: Side, numbers: Mapping[str, float | None], same: float
) -> list[Found]:
    ratio = numbers["speed_up"]
    if ratio is None:
        return []
    fields = {"before": origin.latency_ms, "after": after.latency_ms}
    if ratio < 1 / (1 + same):
        return [("warning", Msg("truth.slower", {**fields, "times": round(1 / ratio, 2)}))]
    if ratio > 1 + same:
        return [("good", Msg("truth.faster", {**fields, "times": round(ratio, 2)}))]
    return [("note", Msg("truth.same_speed", {**fields, "same": same}))]


# --- what it answers ----------------------------------------------------------------------------


def _accuracy(origin: Predictions, after: Predictions, metric: str, margin: float) -> list[Found]:
    verdict = compare([after], [origin], metric, margin)
    level = LEVELS.get(verdict.kind, "good")
    return [(level, Msg("truth.accuracy", {"verdict": verdict.msg}))]


def _flips(
    origin: Predictions, after: Predictions, numbers: dict[str, float | None]
) -> list[Found]:
    found = agreement(origin, after)
    changed = round((1 - found.share) * len(after))
    counts = {"changed": changed, "lost": len(found.lost), "gained": len(found.gained)}
    numbers |= {name: float(n) for name, n in counts.items()}
    return [("note", Msg("truth.flips", {**counts, "n": len(after)}))]


def class_harm(
    origin: Predictions, after: Predictions
) -> tuple[dict[str, tuple[float | None, float | None]], list[Found]]:
    """Sensitivity of each class before and after, and the classes that were harmed.

    A loss is told as harm when an exact two-sided sign test on the images of the class that
    changed sides (McNemar's) is below 0.05 divided by the number of classes. Otherwise the class
    that lost most is named, as what chance may have done.
    """
    found: dict[str, tuple[float | None, float | None]] = {}
    warnings: list[Found] = []
    worst: tuple[float, Msg] | None = None
    for index, name in enumerate(origin.classes):
        one, two = (_hits(side, index) for side in (origin, after))
        if not len(one):
            found[name] = (None, None)
            continue
        found[name] = (float(one.mean()), float(two.mean()))
        lost, gained = int((one & ~two).sum()), int((~one & two).sum())
        fields = {"name": name, "before": one.mean(), "after": two.mean(), "n": len(one)}
        fields = {k: float(v) if isinstance(v, np.floating) else v for k, v in fields.items()}
        if lost <= gained:
            continue
        p = float(stats.binomtest(lost, lost + gained).pvalue)
        if p < LEVEL / len(origin.classes):
            warnings.append(("warning", Msg("truth.class_lost", fields)))
        drop = float(one.mean() - two.mean())
        if worst is None or drop > worst[0]:
            worst = drop, Msg("truth.class_most", fields)
    if not warnings and worst is not None:
        warnings.append(("note", worst[1]))
    return found, warnings


def _hits(predictions: Predictions, index: int) -> NDArray[np.bool_]:
    """Whether each image of a class was found."""
    predicted, targets = predictions.predicted(), predictions.targets
    if predictions.task == "multilabel":
        return np.asarray(predicted[targets[:, index] == 1, index] == 1)
    return np.asarray(predicted[targets == index] == index)


def _calibration(
    origin: Predictions, after: Predictions, numbers: dict[str, float | None]
) -> list[Found]:
    one, two = (score(side, ["ece"], repeats=0)["ece"].value for side in (origin, after))
    numbers |= {
        "ece_before": None if math.isnan(one) else one,
        "ece_after": None if math.isnan(two) else two,
    }
    if math.isnan(one) or math.isnan(two):
        return []
    level: Level = "warning" if two - one > CALIBRATION else "note"
    return [(level, Msg("truth.calibration", {"before": one, "after": two}))]
