"""What is known of a configuration: fitted, derived from a sister, or from the data sheet.

Looked for in this order:

1. the configuration itself was fitted                                     tier A or B
2. another number of threads on this device                                tier B
3. another runtime on this device: what is special about the device is taken from there, what is
   special about the runtime from other devices                            tier B
4. a device with the same cores at another clock, by the ratio of their data sheets   tier B
5. the runtime on other devices: their usual distance from the data sheet  tier C
6. the data sheet alone                                                    tier C
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from kd_core.errors import ExportError
from kd_core.latency.devices_spec import DEVICES, DeviceSpec, RuntimeChoice
from kd_core.latency.estimate_sheet import MOST_THREADS, sheet_rates
from kd_core.latency.estimate_sister import (
    ENOUGH_NETWORKS,
    other_runtime,
    rates_of,
    title_of,
    to_clock,
)
from kd_core.latency.estimate_usual import usual
from kd_core.latency.fit_model import NO_CALL, Rates
from kd_core.text import Msg

Tier = Literal["A", "B", "C"]
FIT = Path(__file__).with_name("data") / "fit.json"
SHEET_HALF = {"cpu": math.log(3), "mcu": math.log(3), "gpu": math.log(7.5), "npu": math.log(7.5)}
GROUP_HALF, RUNTIME_HALF, THREADS_HALF = math.log(2), math.log(1.75), math.log(1.8)
CHIP_HALF = {"cpu": 0.41, "mcu": 0.47, "gpu": 0.74, "npu": 0.74}  # 1.5, 1.6, 2.1, as logarithms
"""Half widths of the bands from a data sheet alone, by unit (what starting a GPU or an NPU costs
stands in none), from it and the runtime on other devices, from another runtime on the device, from
other threads there, from the same cores elsewhere: they hold 80 % of hidden times, by device
(``fit_transfer.py``)."""
SPECIAL = 0.5
"""How much of what is special about a device with one runtime holds with another: held-out runtimes
are predicted best with half of it."""
EIGHTY = 1.2816
SISTER_SPREAD = math.log(1.6) / EIGHTY
"""The same for a band of a factor of 1.6 either way, where few networks were fitted."""
THREAD_POWER = 0.8  # how the rate grows with threads, where another number was measured


@dataclass(frozen=True)
class Known:
    """What is known of a configuration.

    Attributes:
        rates: Its numbers.
        low: 10 % quantile of log(actual / predicted).
        high: 90 % quantile of it.
        ratio_like: Error of a ratio of two like networks (80 %), as a logarithm.
        ratio_unlike: The same for unlike ones.
        tier: A, B or C.
        n_networks: Networks behind it.
        n_rows: Times behind it.
        derived_from: Another configuration, or empty.
        why: Messages.
        group: The group whose fitted networks tell how usual a network is; or empty.
        spread: (4,) how unsure each number still is, for measurements that are added.
    """

    rates: Rates
    low: float = -GROUP_HALF
    high: float = GROUP_HALF
    ratio_like: float = 0.2
    ratio_unlike: float = 0.4
    tier: Tier = "C"
    n_networks: int = 0
    n_rows: int = 0
    derived_from: str = ""
    why: tuple[Msg, ...] = ()
    group: str = ""
    spread: tuple[float, ...] = (0.6, 0.8, 0.9, 0.8)


@dataclass(frozen=True)
class Fit:
    """The numbers that ship: ``groups`` by runtime, precision and unit; ``configurations`` by
    device, runtime, threads and precision.
    """  # noqa: D205

    groups: Mapping[str, Any] = field(default_factory=dict)
    configurations: Mapping[str, Any] = field(default_factory=dict)


@functools.lru_cache(maxsize=4)
def load_fit(path: Path = FIT) -> Fit:
    """The fitted numbers; empty where the file is missing."""
    if not path.exists():
        return Fit()
    data = json.loads(path.read_text(encoding="utf-8"))
    return Fit(data["groups"], data["configurations"])


def key_of(device: str, runtime: str, threads: int, precision: str) -> str:
    """One text for a configuration, as in the fit."""
    return f"{device}|{runtime}|{threads}|{precision}"


@functools.lru_cache(maxsize=4096)
def known(
    name: str, device: DeviceSpec, choice: RuntimeChoice, threads: int, precision: str
) -> Known:
    """What is known of a runtime on a device.

    Raises:
        ExportError: ``estimate_nothing`` where nothing comparable exists.
    """
    return known_from(load_fit(), name, device, choice, threads, precision)


def known_from(
    fit: Fit, name: str, device: DeviceSpec, choice: RuntimeChoice, threads: int, precision: str
) -> Known:
    """The same from any fit, such as one that lacks a device.

    Raises:
        ExportError: ``estimate_nothing``.
    """
    counted = threads if choice.unit == "cpu" else 0
    sheet = sheet_rates(device, choice, threads, precision)
    group = f"{choice.name}|{precision}|{choice.unit}"
    own = fit.configurations.get(key_of(name, choice.name, counted, precision))
    if own and own["group"].startswith(group):
        return _fitted(fit, own, own["group"], precision)
    other = _other_threads(fit, name, choice, precision, group)
    if other:
        return _with_threads(fit, other, group, precision, counted)
    if math.isnan(sheet.theta[0]):
        raise ExportError("estimate_nothing", runtime=choice.name, precision=precision)
    sister = other_runtime(fit, name, device, choice.unit, counted)
    if sister:
        return _from_sister(fit, group, sheet, sister)
    like = device.sister and _of_chip(fit, device, choice, threads, precision, sheet)
    if like:
        return like
    if group in fit.groups:
        return _from_group(fit, group, sheet)
    half = SHEET_HALF[choice.unit]
    why = (Msg("estimate.why.sheet", {"factor": math.exp(half)}),)
    return Known(sheet, low=-half, high=half, why=why)


def _fitted(fit: Fit, own: Mapping[str, Any], group: str, precision: str) -> Known:
    band = fit.groups[group]["band"]
    enough = own["n_networks"] >= ENOUGH_NETWORKS and not own["large_batch"]
    n = {"n": own["n_networks"], "rows": own["n_rows"]}
    why = (Msg("estimate.why.fitted", n),)
    if own["large_batch"]:
        why = (Msg("estimate.why.large_batch", n),)
    scale = own["scale"] if enough else max(own["scale"], SISTER_SPREAD)
    small = max(0.1, own["scale"])
    return Known(
        rates_of(own["theta"], fit.groups[group], precision),
        low=min(-0.03, band["low"] * scale),
        high=max(0.03, band["high"] * scale),
        ratio_like=band["ratio_near"],
        ratio_unlike=band["ratio_far"],
        tier="A" if enough else "B",
        n_networks=own["n_networks"],
        n_rows=own["n_rows"],
        why=why,
        group=group,
        spread=(small, 0.3, 0.4, 0.3),
    )


def _other_threads(
    fit: Fit, name: str, choice: RuntimeChoice, precision: str, group: str
) -> tuple[str, Mapping[str, Any]] | None:
    """A fitted configuration that differs by its threads only, the one with most networks."""
    start, end = f"{name}|{choice.name}|", f"|{precision}"
    found = [
        (own["n_networks"], key, own)
        for key, own in fit.configurations.items()
        if key.startswith(start) and key.endswith(end) and own["group"].startswith(group)
    ]
    return max(found, key=lambda each: each[:2])[1:] if found else None


def _with_threads(
    fit: Fit, other: tuple[str, Mapping[str, Any]], group: str, precision: str, threads: int
) -> Known:
    key, own = other
    measured = int(key.split("|")[2])
    rates = rates_of(own["theta"], fit.groups[own["group"]], precision)
    if threads and measured:
        ratio = min(threads, MOST_THREADS) / min(measured, MOST_THREADS)
        rate, *rest = rates.theta
        step = THREAD_POWER * math.log(ratio)
        rates = replace(rates, theta=(rate + step, rest[0], rest[1], rest[2]))
    return _derived(fit, rates, group, key, own["n_networks"], own["n_rows"], "threads")


def _derived(
    fit: Fit, rates: Rates, group: str, key: str, networks: int, rows: int, how: str
) -> Known:
    band = fit.groups[group]["band"] if group in fit.groups else {}
    said = {"runtime": title_of(key.split("|")[1]), "n": networks}
    half = THREADS_HALF if how == "threads" else RUNTIME_HALF
    return Known(
        rates,
        low=-half,
        high=half,
        ratio_like=1.3 * band.get("ratio_near", 0.2),
        ratio_unlike=1.3 * band.get("ratio_far", 0.4),
        tier="B",
        n_networks=networks,
        n_rows=rows,
        derived_from=key,
        why=(Msg("estimate.why.threads" if how == "threads" else "estimate.why.sister", said),),
        group=group,
        spread=(0.4, 0.5, 0.6, 0.5),
    )


def _of_chip(
    fit: Fit, device: DeviceSpec, choice: RuntimeChoice, threads: int, precision: str, sheet: Rates
) -> Known | None:
    """What is known of the device with the same cores, if it was measured, at this one's clock."""
    other = replace(DEVICES[device.sister], sister="")
    beside = sheet_rates(other, choice, threads, precision)
    if math.isnan(beside.theta[0]):
        return None
    found = known_from(fit, device.sister, other, choice, threads, precision)
    if found.tier == "C":
        return None
    counted = threads if choice.unit == "cpu" else 0
    key = found.derived_from or key_of(device.sister, choice.name, counted, precision)
    half = max(CHIP_HALF[choice.unit], (found.high - found.low) / 2)
    said = {"device": Msg(f"device.{device.sister}.title"), "runtime": title_of(key.split("|")[1])}
    return replace(
        found,
        rates=to_clock(found.rates, sheet, beside),
        low=-half,
        high=half,
        tier="B",
        derived_from=key,
        why=(Msg("estimate.why.chip", {**said, "n": found.n_networks}),),
        spread=(0.4, 0.5, 0.6, 0.5),
    )


def _from_sister(
    fit: Fit, group: str, sheet: Rates, sister: tuple[str, Mapping[str, Any], Rates]
) -> Known:
    """Sheet + what is usual for the runtime + half of what is special about the device.

    What is usual is that of the sister where nobody published times with the runtime.
    """
    key, own, sister_sheet = sister
    if group not in fit.groups:
        special = np.array(own["theta"]) - np.array(sister_sheet.theta)
        theta = np.array(sheet.theta) + SPECIAL * special
        theta[3] = sheet.theta[3] if sheet.theta[3] <= NO_CALL else theta[3]
        rate, width, overhead, call = map(float, np.where(np.isfinite(theta), theta, sheet.theta))
        rates = replace(sheet, theta=(rate, width, overhead, call))
        return _derived(fit, rates, "", key, own["n_networks"], own["n_rows"], "sister")
    of_sister = usual(fit.groups, fit.configurations, "|".join(own["group"].split("|")[:3]))
    special = np.array(own["theta"]) - np.array(sister_sheet.theta) - of_sister
    special[~np.isfinite(special)] = 0.0
    mean = usual(fit.groups, fit.configurations, group)
    theta = np.array(sheet.theta) + mean + SPECIAL * special
    theta[3] = sheet.theta[3] if sheet.theta[3] <= NO_CALL else theta[3]
    rates = rates_of(theta, fit.groups[group], group.split("|")[1])
    return _derived(fit, rates, group, key, own["n_networks"], own["n_rows"], "sister")


def _from_group(fit: Fit, group: str, sheet: Rates) -> Known:
    """Sheet + what is usual for the runtime."""
    found = fit.groups[group]
    theta = np.array(sheet.theta) + usual(fit.groups, fit.configurations, group)
    theta[3] = sheet.theta[3] if sheet.theta[3] <= NO_CALL else theta[3]
    rates = rates_of(theta, found, group.split("|")[1])
    return Known(
        rates,
        ratio_like=1.5 * found["band"]["ratio_near"],
        ratio_unlike=1.5 * found["band"]["ratio_far"],
        why=(Msg("estimate.why.group", {"runtime": title_of(group)}),),
        group=group,
        spread=tuple(found["spread"]),
    )
