"""What is known of a configuration: fitted, derived from a sister, or from the data sheet.

Looked for in this order:

1. the configuration itself was fitted                                     tier A or B
2. another number of threads on this device                                tier B
3. another runtime on this device: what is special about the device is taken from there, what is
   special about the runtime from other devices                            tier B
4. the runtime on other devices: their usual distance from the data sheet  tier C
5. the data sheet alone                                                    tier C
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
from kd_core.latency.devices_spec import DeviceSpec, RuntimeChoice
from kd_core.latency.estimate_sheet import MOST_THREADS, sheet_rates
from kd_core.latency.estimate_usual import usual
from kd_core.latency.fit_model import NO_CALL, Form, Rates, bytes_of
from kd_core.text import Msg

Tier = Literal["A", "B", "C"]
FIT = Path(__file__).with_name("data") / "fit.json"
ENOUGH_NETWORKS = 10
SHEET_HALF = {"cpu": math.log(3), "mcu": math.log(3), "gpu": math.log(7.5), "npu": math.log(7.5)}
GROUP_HALF, RUNTIME_HALF, THREADS_HALF = math.log(2), math.log(1.75), math.log(1.8)
"""Half widths of the bands from a data sheet alone, by unit (what starting a GPU or an NPU costs
stands in none), from it and the runtime on other devices, from another runtime on the device, from
other threads there: so wide that they hold 80 % of hidden times, as a mean over devices
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


def _title(group: str) -> Msg:
    """What a group's runtime is called."""
    return Msg(f"runtime.{group.partition('|')[0]}")


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
    sister = _sister(fit, name, device, choice.unit, counted)
    if sister:
        return _from_sister(fit, group, sheet, sister)
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
        _rates(own["theta"], fit.groups[group], precision),
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


def _rates(theta: Any, group: Mapping[str, Any], precision: str) -> Rates:
    rate, width, overhead, call = map(float, theta)
    form = Form(group.get("power", 3), group.get("tiles", False))
    return Rates((rate, width, overhead, call), tuple(group["kinds"]), bytes_of(precision), form)


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
    fit: Fit,
    other: tuple[str, Mapping[str, Any]],
    group: str,
    precision: str,
    threads: int,
) -> Known:
    key, own = other
    measured = int(key.split("|")[2])
    rates = _rates(own["theta"], fit.groups[own["group"]], precision)
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
    said = {"runtime": _title(key.split("|")[1]), "n": networks}
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


def _sister(
    fit: Fit, name: str, device: DeviceSpec, unit: str, threads: int
) -> tuple[str, Mapping[str, Any], Rates] | None:
    """Another runtime of the same unit on this device, with the data sheet it was fitted beside."""
    best: tuple[Any, str, Mapping[str, Any]] | None = None
    for key, own in fit.configurations.items():
        _, precision, of_unit = own["group"].split("|")[:3]
        if not key.startswith(f"{name}|") or of_unit != unit or own["n_networks"] < 3:
            continue
        if own["large_batch"]:
            continue
        close = -abs(math.log((int(key.split("|")[2]) or 4) / (threads or 4)))
        enough = own["n_networks"] >= ENOUGH_NETWORKS
        rank = (enough, precision != "int8", close, own["n_networks"], key)
        if best is None or rank > best[0]:
            best = (rank, key, own)
    if best is None:
        return None
    _, key, own = best
    _, runtime, count, precision = key.split("|")
    choice = RuntimeChoice(runtime, (int(count),), (precision,), unit)  # type: ignore[arg-type]
    return key, own, sheet_rates(device, choice, int(count), precision)


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
    rates = _rates(theta, fit.groups[group], group.split("|")[1])
    return _derived(fit, rates, group, key, own["n_networks"], own["n_rows"], "sister")


def _from_group(fit: Fit, group: str, sheet: Rates) -> Known:
    """Sheet + what is usual for the runtime."""
    found = fit.groups[group]
    theta = np.array(sheet.theta) + usual(fit.groups, fit.configurations, group)
    theta[3] = sheet.theta[3] if sheet.theta[3] <= NO_CALL else theta[3]
    rates = _rates(theta, found, group.split("|")[1])
    return Known(
        rates,
        ratio_like=1.5 * found["band"]["ratio_near"],
        ratio_unlike=1.5 * found["band"]["ratio_far"],
        why=(Msg("estimate.why.group", {"runtime": _title(group)}),),
        group=group,
        spread=tuple(found["spread"]),
    )
