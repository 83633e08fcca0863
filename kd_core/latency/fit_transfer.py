"""How good estimates are that are derived: from a data sheet, another runtime, other threads.

Every fitted configuration of a listed device is hidden in turn, together with

- all of its device: what remains are other devices and the data sheet (tier C),
- all of its runtime on that device: what remains are other runtimes there (tier B),
- nothing else: what remains are other numbers of threads (tier B),

and the estimate that the package would then give is compared with the published times. What is
usual for a runtime (the mean over devices) is taken anew without what is hidden.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES, RuntimeChoice
from kd_core.latency.estimate_known import Fit, Known, known_from
from kd_core.latency.evidence import Row, columns
from kd_core.latency.fit_data import group_key, label, sheet_of
from kd_core.latency.fit_model import columns_ms

HOWS = ("data_sheet", "group", "chip", "sister", "threads")
"""From the data sheet alone; from it and the runtime on other devices; from the same cores on
another device; from another runtime on the device; from another number of threads there."""
FEWEST = 3


@dataclass(frozen=True)
class Derived:
    """One published time beside the estimate that was made without it.

    Attributes:
        how: Entry of :data:`HOWS`.
        configuration: Device, runtime, threads and precision.
        network: Its name.
        log_ratio: log(actual / predicted).
        inside: The published time lies inside the band.
    """

    how: str
    configuration: str
    network: str
    log_ratio: float
    inside: bool


def derived(fit: Fit, published: Iterable[Row]) -> list[Derived]:
    """Every configuration of a listed device, hidden in each of the three ways."""
    found: list[Derived] = []
    for key, mine in _listed(fit, published).items():
        for hides in (_device(key), _runtime(key), _same(key)):
            found += _one(without(fit, hides), key, mine)
    return list({(each.how, each.configuration, each.network): each for each in found}.values())


def _listed(fit: Fit, published: Iterable[Row]) -> dict[str, list[Row]]:
    """Rows of the fitted configurations of listed devices, one image at a time."""
    found: dict[str, list[Row]] = defaultdict(list)
    for row in published:
        own = fit.configurations.get(row.configuration)
        if row.device not in DEVICES or own is None or own["large_batch"] or row.batch != 1:
            continue
        if own["group"].startswith(group_key(row)):
            found[row.configuration].append(row)
    return {key: rows for key, rows in sorted(found.items()) if len(rows) >= FEWEST}


def _device(key: str) -> Callable[[str], bool]:
    start = key.partition("|")[0] + "|"
    return lambda other: other.startswith(start)


def _runtime(key: str) -> Callable[[str], bool]:
    start = "|".join(key.split("|")[:2]) + "|"
    return lambda other: other.startswith(start)


def _same(key: str) -> Callable[[str], bool]:
    return lambda other: other == key


def without(fit: Fit, hides: Callable[[str], bool]) -> Fit:
    """The fit without some configurations, and the means of its groups without them."""
    kept = {key: own for key, own in fit.configurations.items() if not hides(key)}
    gone = {own["group"] for key, own in fit.configurations.items() if hides(key)}
    left = defaultdict(list)
    for key, own in kept.items():
        if own["group"] in gone:
            left[own["group"]].append(_special(key, own))
    groups = dict(fit.groups)
    for group in gone:
        if left[group]:
            groups[group] = {**groups[group], "mean": np.mean(left[group], axis=0).tolist()}
        else:
            del groups[group]
    return Fit(groups, kept)


def _special(key: str, own: Mapping[str, Any]) -> np.ndarray:
    """(4,) How a configuration differs from its data sheet."""
    device, runtime, threads, precision = key.split("|")
    unit = own["group"].split("|")[2]
    row = Row(device, runtime, int(threads), precision, unit, "", 1, 1.0, "")
    difference = np.array(own["theta"]) - np.array(sheet_of(row).theta)
    return np.where(np.isfinite(difference), difference, 0.0)


def _one(fit: Fit, key: str, mine: Sequence[Row]) -> Iterator[Derived]:
    device, runtime, threads, precision = key.split("|")
    choice = RuntimeChoice(runtime, (int(threads),), (precision,), mine[0].unit)  # type: ignore[arg-type]
    try:
        found = known_from(fit, device, DEVICES[device], choice, int(threads), precision)
    except ExportError:
        return
    for name, actual_ms in _medians(mine).items():
        log_ratio = math.log(actual_ms / columns_ms(columns(name), found.rates))
        inside = found.low <= log_ratio <= found.high
        yield Derived(how_of(found), key, name, log_ratio, inside)


def _medians(mine: Sequence[Row]) -> dict[str, float]:
    found: dict[str, list[float]] = defaultdict(list)
    for row in mine:
        found[label(row.network, row.batch)].append(row.latency_ms)
    return {name: float(np.median(values)) for name, values in found.items()}


def how_of(found: Known) -> str:
    """Entry of :data:`HOWS`."""
    said = found.why[0].id.rpartition(".")[2]
    return "data_sheet" if said == "sheet" else said


def summary(found: Sequence[Derived]) -> dict[str, dict[str, float]]:
    """By how: number of times, devices, median error, share inside the band.

    The share is also given as a mean over devices, so that no device with many networks decides,
    and so is the factor within which 80 % of the times lie: what a band has to be (conformal
    prediction with devices as its units).
    """
    result = {}
    for how in HOWS:
        mine = [each for each in found if each.how == how]
        if not mine:
            continue
        by_device: dict[str, list[Derived]] = defaultdict(list)
        for each in mine:
            by_device[each.configuration.partition("|")[0]].append(each)
        result[how] = {
            "n": len(mine),
            "devices": len(by_device),
            "median_error": float(np.median([abs(math.exp(-e.log_ratio) - 1) for e in mine])),
            "coverage": float(np.mean([each.inside for each in mine])),
            "coverage_by_device": float(
                np.mean([np.mean([each.inside for each in v]) for v in by_device.values()])
            ),
            "half_width_80": float(np.exp(np.quantile([abs(e.log_ratio) for e in mine], 0.8))),
            "half_width_80_by_device": math.exp(_half(by_device)),
        }
    return result


def _half(by_device: Mapping[str, Sequence[Derived]]) -> float:
    """Half width of the symmetric band that holds 80 % of the times, as a mean over devices."""
    size = np.array([abs(each.log_ratio) for mine in by_device.values() for each in mine])
    weight = np.array([1 / len(mine) for mine in by_device.values() for _ in mine])
    order = np.argsort(size)
    share = np.cumsum(weight[order]) / weight.sum()
    return float(size[order][np.searchsorted(share, 0.8 - 1e-9)])
