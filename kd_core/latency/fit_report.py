"""The error table: how far off the estimates are where the truth is known and was held out."""

from __future__ import annotations

import functools
import gzip
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kd_core.latency.evidence import DATA, Row, rows
from kd_core.latency.fit_bands import band_of, covered
from kd_core.latency.fit_check import Held, errors, family_of, model_of
from kd_core.latency.fit_data import group_key, label

FOLDS = 5
AIMS = {
    "ncnn|ncnn_default|cpu": 0.10,
    "torch_compile|fp32|cpu|intel_i7_12700h": 0.08,
    "torch_compile|fp32|cpu|intel_i9_10940x": 0.08,
    "tensorrt|fp16|gpu": 0.06,
    "qnn|fp16|npu": 0.16,
    "qnn|int8|npu": 0.16,
}
"""Largest median error that is aimed at, by group."""


@functools.lru_cache(maxsize=2)
def stored(folder: Path = DATA) -> dict[str, dict[str, Any]]:
    """Every held-out prediction of the fit that ships, by group.

    Each group has ``network``, ``family`` and, by the number of networks measured first,
    ``new_device``.
    """
    packed: dict[str, Any] = json.loads(gzip.decompress((folder / "errors.json.gz").read_bytes()))
    return {
        key: {
            "network": unpacked(each["network"]),
            "family": unpacked(each["family"]),
            "new_device": {int(n): unpacked(held) for n, held in each["new_device"].items()},
        }
        for key, each in packed.items()
    }


def unpacked(packed: Mapping[str, Sequence[Sequence[Any]]]) -> list[Held]:
    """Predictions from the package's data."""
    return [Held(name, *row) for name, found in packed.items() for row in found]


def report(held: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The table: each group, all together, new devices, noise floor, the worst networks.

    Args:
        held: As :func:`stored` gives it.
    """
    floor = noise_floor(rows())
    groups = {key: _group(key, each, floor) for key, each in held.items()}
    every = [one for each in held.values() for one in each["network"]]
    families = [one for each in held.values() for one in each["family"]]
    weights = [(each["coverage"], each["network"]["n"]) for each in groups.values()]
    known = [(share, n) for share, n in weights if not math.isnan(share)]
    fresh: dict[int, list[Held]] = defaultdict(list)
    for each in held.values():
        for count, found in each["new_device"].items():
            fresh[count] += found
    return {
        "groups": groups,
        "overall": {
            "network": errors(every),
            "family": errors(families),
            "coverage": sum(share * n for share, n in known) / max(1, sum(n for _, n in known)),
        },
        "new_device": {str(count): errors(found) for count, found in sorted(fresh.items())},
        "noise_floor": floor,
        "worst_networks": worst(every),
        "devices": by_device(every),
    }


def _group(key: str, each: Mapping[str, Any], floor: Mapping[str, float]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "configurations": len({one.configuration for one in each["network"]}),
        "network": errors(each["network"]),
        "family": errors(each["family"]),
        "coverage": coverage(each["network"], each["family"]),
        "coverage_family": coverage(each["network"], each["family"], family=True),
    }
    if each["new_device"]:
        found["new_device"] = {str(n): errors(held) for n, held in each["new_device"].items()}
    noise = floor.get("|".join(key.split("|")[:3]))
    if noise is not None and found["network"].get("n"):
        found["noise_floor"] = noise
        found["at_noise_floor"] = found["network"]["median_error"] <= noise
    if key in AIMS:
        found["aim"] = AIMS[key]
        found["reached"] = found["network"].get("median_error", math.inf) <= AIMS[key]
    return found


def coverage(by_network: Sequence[Held], by_family: Sequence[Held], family: bool = False) -> float:
    """Share of held-out times inside the band, where the band comes from other networks.

    NaN with fewer than ten networks.
    """
    part_of = family_of if family else model_of
    parts = sorted({part_of(each.network) for each in by_network})
    if len({each.network for each in by_network}) < 10 or len(parts) < 3:
        return float("nan")
    inside = total = 0.0
    for fold in range(min(FOLDS, len(parts))):
        away = set(parts[fold::FOLDS])
        left, asked = _split(by_network, part_of, away)
        left_family, asked_family = _split(by_family, part_of, away)
        chosen = asked_family if family else asked
        if not left or not chosen:
            continue
        inside += covered(chosen, band_of(left, left_family), family) * len(chosen)
        total += len(chosen)
    return inside / total if total else float("nan")


def _split(
    held: Sequence[Held], part_of: Callable[[str], str], away: set[str]
) -> tuple[list[Held], list[Held]]:
    left = [each for each in held if part_of(each.network) not in away]
    return left, [each for each in held if part_of(each.network) in away]


def noise_floor(published: Iterable[Row]) -> dict[str, float]:
    """How far published times of one network on one configuration are from their median.

    Returns:
        Median of |time / median − 1| by group, over networks with at least two rows.
    """
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for row in published:
        place = (group_key(row), row.configuration, label(row.network, row.batch))
        found[place].append(row.latency_ms)
    off: dict[str, list[float]] = defaultdict(list)
    for (group, _, _), values in found.items():
        if len(values) > 1:
            off[group] += [abs(value / float(np.median(values)) - 1) for value in values]
    return {group: float(np.median(each)) for group, each in off.items() if len(each) >= 20}


def worst(held: Sequence[Held], count: int = 12) -> list[dict[str, Any]]:
    """The networks with the largest median error over at least three configurations."""
    by_model: dict[str, list[Held]] = defaultdict(list)
    for each in held:
        by_model[model_of(each.network)].append(each)
    listed: list[dict[str, Any]] = [
        {"network": name, "bias": math.exp(-float(np.median([e.log_ratio for e in found]))) - 1}
        | errors(found)
        for name, found in by_model.items()
        if len(found) >= 3
    ]
    return sorted(listed, key=lambda each: -each["median_error"])[:count]


def by_device(held: Sequence[Held]) -> dict[str, dict[str, float]]:
    """Errors by device, of those with ten predictions or more."""
    found: dict[str, list[Held]] = defaultdict(list)
    for each in held:
        found[each.configuration.partition("|")[0]].append(each)
    return {name: errors(each) for name, each in sorted(found.items()) if len(each) >= 10}
