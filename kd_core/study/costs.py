"""What models cost on one device: measured where somebody measured them, estimated elsewhere.

Estimates are made once for each :func:`~kd_core.study.models_frame.shape` and device, never
stored, and joined to the frame of models (:func:`with_costs`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from kd_core.errors import KDLabError
from kd_core.latency.devices import DeviceSpec
from kd_core.latency.energy import energy
from kd_core.latency.estimate import Evidence, Target, estimate, speed_up
from kd_core.latency.footprint import footprint
from kd_core.latency.work import Work
from kd_core.study.store import Store
from kd_core.text import Msg

THIS_MACHINE = "this_machine"
NUMBERS = (
    "latency_ms", "low_ms", "high_ms", "ram_bytes", "flash_bytes", "energy_low_mj",
    "energy_high_mj", "speed_up", "speed_up_low", "speed_up_high",
)  # fmt: skip

FACTS = ("source", "tier", "n_networks", "n_rows", "fits", "derived_from")


@dataclass(frozen=True)
class Cost:
    """One model on one device; NaN where nobody knows.

    Attributes:
        source: ``measured``, ``estimated``, or ``none`` where an estimate was refused.
        tier: A, B or C of an estimate, else empty.
        n_networks: Networks that the estimate was fitted on.
        n_rows: Published rows behind it.
        fits: Whether memory and flash suffice; ``None`` where the device's are not known.
        why: What the estimate rests on, or why there is none.
        derived_from: Configuration that the estimate was taken from, where it is another one.
        speed_up: Times faster than the reference in the same configuration.
    """

    latency_ms: float = math.nan
    low_ms: float = math.nan
    high_ms: float = math.nan
    source: str = "none"
    tier: str = ""
    n_networks: int = 0
    n_rows: int = 0
    ram_bytes: float = math.nan
    flash_bytes: float = math.nan
    fits: bool | None = None
    energy_low_mj: float = math.nan
    energy_high_mj: float = math.nan
    speed_up: float = math.nan
    speed_up_low: float = math.nan
    speed_up_high: float = math.nan
    why: tuple[Msg, ...] = ()
    derived_from: str = ""


def cost_of(
    work: Work,
    target: Target,
    device: DeviceSpec,
    reference: Work | None = None,
    evidence: Sequence[Evidence] = (),
) -> Cost:
    """The estimated cost of one network, with the reason where an estimate is refused.

    Args:
        work: The network.
        target: Where it is to run.
        device: The target's device.
        reference: What speed-ups are against.
        evidence: What was measured on the device.
    """
    memory = footprint(work, device)
    known = {target.device: device}
    facts: dict[str, Any] = {
        "ram_bytes": _known(memory.ram_bytes),
        "flash_bytes": _known(memory.flash_bytes),
        "fits": memory.fits,
    }
    try:
        found = estimate(work, target, evidence, known)
    except KDLabError as error:
        return Cost(**facts, why=(_titled(error.msg), *memory.why))
    power = energy(found, device)
    if power is not None:
        facts |= {"energy_low_mj": power.low_mj, "energy_high_mj": power.high_mj}
    facts |= _speed_up(work, reference, target, evidence, known)
    return Cost(
        latency_ms=found.latency_ms,
        low_ms=found.low_ms,
        high_ms=found.high_ms,
        source="estimated",
        tier=found.tier,
        n_networks=found.n_networks,
        n_rows=found.n_rows,
        why=(*found.why, *memory.why),
        derived_from=found.derived_from,
        **facts,
    )


def _speed_up(
    work: Work,
    reference: Work | None,
    target: Target,
    evidence: Sequence[Evidence],
    devices: Mapping[str, DeviceSpec],
) -> dict[str, float]:
    if reference is None:
        return {}
    try:
        found = speed_up(work, reference, target, evidence, devices)
    except KDLabError:
        return {}
    return {"speed_up": found.ratio, "speed_up_low": found.low, "speed_up_high": found.high}


def _titled(msg: Msg) -> Msg:
    """An error's sentence with what a runtime and a format are called instead of their names."""
    named = {k: Msg(f"{k}.{v}") for k, v in msg.params.items() if k in ("runtime", "precision")}
    return Msg(msg.id, {**msg.params, **named})


def _known(value: float | None) -> float:
    return math.nan if value is None else float(value)


# --- measured -----------------------------------------------------------------------------------


def read_measured(store: Store, studies: Sequence[str]) -> pd.DataFrame:
    """Measured latencies at batch 1: one row a model, device, runtime, threads and precision.

    Columns: run, name, device, runtime, threads, precision, latency_ms, p95_ms, memory_bytes,
    energy_mj, energy_method, at; of several measurements the newest counts.
    """
    body = "json_extract(m.body, '$.{}')"
    fields = (
        "target_device", "runtime", "threads", "precision", "latency_ms_p50", "latency_ms_p95",
        "peak_memory_bytes", "energy_mj", "energy_method",
    )  # fmt: skip
    sql = f"""
        SELECT m.run, m.model, {", ".join(body.format(f) for f in fields)}, m.at
        FROM measurements m JOIN members ms ON ms.run = m.run
        WHERE ms.study IN ({", ".join("?" * len(studies))}) AND {body.format("batch")} = 1
        ORDER BY m.at, m.id
    """
    names = [
        "run", "name", "device", "runtime", "threads", "precision", "latency_ms", "p95_ms",
        "memory_bytes", "energy_mj", "energy_method", "at",
    ]  # fmt: skip
    found = pd.DataFrame(store.db.rows(sql, list(studies)) if studies else [], columns=names)
    found["device"] = found["device"].fillna(THIS_MACHINE)
    return found.drop_duplicates(
        ["run", "name", "device", "runtime", "threads", "precision"], keep="last"
    ).reset_index(drop=True)


def measured_on(measured: pd.DataFrame, target: Target) -> pd.DataFrame:
    """Measurements on this device, with this runtime and threads where they are named."""
    keep = measured["device"] == target.device
    if target.runtime:
        keep &= measured["runtime"] == target.runtime
    if target.threads:
        keep &= measured["threads"] == target.threads
    return measured[keep].drop_duplicates(["run", "name"], keep="last")


# --- joined -------------------------------------------------------------------------------------


def with_costs(
    models: pd.DataFrame, costs: Mapping[str, Cost], measured: pd.DataFrame, reference: str
) -> pd.DataFrame:
    """The models with their costs on one device; a measured latency replaces the estimate.

    Args:
        models: From :func:`~kd_core.study.models_frame.read_frame`.
        costs: By shape.
        measured: From :func:`measured_on`.
        reference: Shape of the model that speed-ups are against.
    """
    frame = models.copy()
    table = pd.DataFrame(
        [{"shape": key, **_row(cost)} for key, cost in costs.items()],
        columns=["shape", *NUMBERS, *FACTS],
    )
    frame = frame.merge(table, on="shape", how="left")
    frame["source"] = frame["source"].fillna("none")
    frame["tier"] = frame["tier"].fillna("")
    here = measured.set_index(["run", "name"])
    place = pd.MultiIndex.from_frame(frame[["run", "name"]])
    times = here["latency_ms"].reindex(place).to_numpy(float)
    memory = here["memory_bytes"].reindex(place).to_numpy(float)
    has = np.isfinite(times)
    for column in ("latency_ms", "low_ms", "high_ms"):
        frame[column] = np.where(has, times, frame[column].to_numpy(float))
    frame["ram_bytes"] = np.where(
        has & np.isfinite(memory), memory, frame["ram_bytes"].to_numpy(float)
    )
    energies = here["energy_mj"].reindex(place).to_numpy(float)
    counted = has & np.isfinite(energies)
    for column in ("energy_low_mj", "energy_high_mj"):
        frame[column] = np.where(counted, energies, frame[column].to_numpy(float))
    known = np.isfinite(frame["energy_low_mj"].to_numpy(float))
    # measured ones say by which counters: rapl, nvml, nvml+rapl
    methods = here["energy_method"].reindex(place).fillna("").to_numpy(str)
    named = np.where(methods == "", "measured", methods)
    frame["energy_source"] = np.where(counted, named, np.where(known, "estimated", "none"))
    frame["source"] = np.where(has, "measured", frame["source"])
    frame["tier"] = np.where(has, "", frame["tier"])
    return _measured_speed_up(frame, has, reference)


def _measured_speed_up(frame: pd.DataFrame, has: np.ndarray, reference: str) -> pd.DataFrame:
    """Measured against measured: the ratio of medians needs no estimate."""
    of_reference = frame.loc[has & (frame["shape"] == reference).to_numpy(), "latency_ms"]
    if len(of_reference):
        ratio = float(of_reference.median()) / frame["latency_ms"].to_numpy(float)
        for column in ("speed_up", "speed_up_low", "speed_up_high"):
            frame[column] = np.where(has, ratio, frame[column].to_numpy(float))
    return frame


def _row(cost: Cost) -> dict[str, Any]:
    return {name: getattr(cost, name) for name in (*NUMBERS, *FACTS)}
