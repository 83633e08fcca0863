"""What may be taken from elsewhere: another runtime on the device, or the same cores elsewhere."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from kd_core.latency.devices_spec import DeviceSpec, RuntimeChoice
from kd_core.latency.estimate_sheet import sheet_rates
from kd_core.latency.fit_model import Form, Rates, bytes_of
from kd_core.text import Msg

if TYPE_CHECKING:
    from kd_core.latency.estimate_known import Fit

FORM = tuple(field.name for field in fields(Form))
ENOUGH_NETWORKS = 10
"""Networks of a configuration from which on it is tier A."""


def title_of(group: str) -> Msg:
    """What a group's runtime is called."""
    return Msg(f"runtime.{group.partition('|')[0]}")


def rates_of(theta: Any, group: Mapping[str, Any], precision: str) -> Rates:
    """The numbers of a configuration with the kinds and the form of its group."""
    rate, width, overhead, call = map(float, theta)
    form = Form(**{name: group[name] for name in FORM if name in group})
    return Rates((rate, width, overhead, call), tuple(group["kinds"]), bytes_of(precision), form)


def to_clock(rates: Rates, sheet: Rates, sister_sheet: Rates) -> Rates:
    """The numbers of a device, moved by the difference of two data sheets.

    Rate and overhead follow the clock, the bandwidth that of the memory; the constant of a call
    stays.

    >>> slow, fast = (Rates((math.log(v), 1.0, -math.log(v), -20.0)) for v in (100.0, 150.0))
    >>> round(math.exp(to_clock(Rates((4.0, 2.0, 1.0, -20.0)), fast, slow).theta[0] - 4.0), 2)
    1.5
    """
    step = np.array(sheet.theta) - np.array(sister_sheet.theta)
    step[3] = 0.0
    theta = np.array(rates.theta) + np.where(np.isfinite(step), step, 0.0)
    rate, width, overhead, call = map(float, theta)
    return Rates((rate, width, overhead, call), rates.kinds, rates.bytes_each, rates.form)


def other_runtime(
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
