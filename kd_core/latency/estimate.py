"""How long a network will take on a device: milliseconds with a band, and the speed-up.

The band holds 80 % of the cases by what held-out published figures showed. Tier A: fitted on ten
networks or more of that device and runtime; B: on fewer, or from a sister chip or runtime; C: from
the data sheet alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES, DeviceSpec, RuntimeChoice
from kd_core.latency.estimate_sheet import sheet_rates
from kd_core.latency.fit_model import Rates, Stack, op_parts, predict_ms
from kd_core.latency.work import Work
from kd_core.text import Msg

Tier = Literal["A", "B", "C"]
SHEET_BAND = (0.5, 2.0)
"""Band of an estimate from the data sheet: actual over predicted."""


@dataclass(frozen=True)
class Target:
    """Where a network is to run.

    Attributes:
        device: Name of the device.
        runtime: What runs it; empty for the device's default.
        threads: Threads; 0 for the runtime's default on the device.
        precision: Number format; empty for the file's own where the runtime has it, else its
            default.
    """

    device: str
    runtime: str = ""
    threads: int = 0
    precision: str = ""

    @property
    def key(self) -> str:
        """One text for all four."""
        return f"{self.device}|{self.runtime}|{self.threads}|{self.precision}"

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return {
            "device": self.device,
            "runtime": self.runtime,
            "threads": self.threads,
            "precision": self.precision,
        }


@dataclass(frozen=True)
class Evidence:
    """A time that was measured on the device."""

    work: Work
    target: Target
    latency_ms: float


@dataclass(frozen=True)
class Estimate:
    """How long one call will take.

    Attributes:
        target: Where, with every field filled in.
        latency_ms: Most likely time.
        low_ms: Lower end of the 80 % band.
        high_ms: Upper end.
        tier: A, B or C.
        n_networks: Networks that the numbers of this configuration were fitted on.
        n_rows: Published or measured times behind it.
        derived_from: Configuration it was taken from, where that is another one; else empty.
        why: What a person should know about it.
    """

    target: Target
    latency_ms: float
    low_ms: float
    high_ms: float
    tier: Tier
    n_networks: int = 0
    n_rows: int = 0
    derived_from: str = ""
    why: tuple[Msg, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return {
            **self.target.to_json(),
            "latency_ms": self.latency_ms,
            "band_ms": [self.low_ms, self.high_ms],
            "tier": self.tier,
            "n_networks": self.n_networks,
            "n_rows": self.n_rows,
            "derived_from": self.derived_from,
            "why": [message.to_json() for message in self.why],
        }


@dataclass(frozen=True)
class SpeedUp:
    """How many times faster a network is than the reference, with its 80 % band."""

    ratio: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return {"ratio": self.ratio, "band": [self.low, self.high]}


@dataclass(frozen=True)
class Known:
    """What is known of a configuration.

    Attributes:
        rates: Its numbers.
        band: Actual over predicted, low and high.
        ratio_spread: How much a ratio of two networks may be off, as a logarithm.
        tier: A, B or C.
        n_networks: Networks behind it.
        n_rows: Times behind it.
        derived_from: Another configuration, or empty.
        why: Messages.
    """

    rates: Rates
    band: tuple[float, float] = SHEET_BAND
    ratio_spread: float = 0.35
    tier: Tier = "C"
    n_networks: int = 0
    n_rows: int = 0
    derived_from: str = ""
    why: tuple[Msg, ...] = ()


def estimate(
    work: Work,
    target: Target,
    evidence: Sequence[Evidence] = (),
    devices: Mapping[str, DeviceSpec] | None = None,
) -> Estimate:
    """How long one call of a network takes on a device.

    Args:
        work: The network.
        target: Where.
        evidence: Times measured on that device; those of the same configuration are used.
        devices: Known devices; the built-in ones when left out.

    Raises:
        ExportError: ``estimate_device``, ``estimate_runtime``, ``estimate_precision`` or
            ``estimate_nothing``.
    """
    full, known = _known(work, target, evidence, devices)
    latency = predict_ms(work, known.rates)
    low, high = known.band
    return Estimate(
        full,
        latency,
        latency * low,
        latency * high,
        known.tier,
        known.n_networks,
        known.n_rows,
        known.derived_from,
        (*known.why, *_about(work)),
    )


def speed_up(
    work: Work,
    reference: Work,
    target: Target,
    evidence: Sequence[Evidence] = (),
    devices: Mapping[str, DeviceSpec] | None = None,
) -> SpeedUp:
    """How many times faster a network is than the reference on the same device.

    The more alike two networks are, the more of the error cancels; a network beside itself has
    the ratio 1 exactly.

    Raises:
        ExportError: As for :func:`estimate`.
    """
    _, known = _known(work, target, evidence, devices)
    _, known_reference = _known(reference, target, evidence, devices)
    ratio = predict_ms(reference, known_reference.rates) / predict_ms(work, known.rates)
    if work.key == reference.key:
        return SpeedUp(1.0, 1.0, 1.0)
    spread = max(known.ratio_spread, known_reference.ratio_spread)
    return SpeedUp(ratio, ratio * math.exp(-spread), ratio * math.exp(spread))


def layer_times(
    work: Work, target: Target, devices: Mapping[str, DeviceSpec] | None = None
) -> list[dict[str, Any]]:
    """Milliseconds of each operator in order: ``name``, ``kind``, ``ms``, ``macs``, ``share``.

    Raises:
        ExportError: As for :func:`estimate`.
    """
    import numpy as np

    from kd_core.latency.work import KINDS

    _, known = _known(work, target, (), devices)
    place = {kind: i for i, kind in enumerate(KINDS)}
    rows = np.array([(place[o.kind], o.macs, o.weights + o.reads + o.writes) for o in work.ops])
    ones = np.ones(len(rows))
    stack = Stack(
        rows[:, 0].astype(np.intp), rows[:, 1], rows[:, 2], ones, np.zeros(1, np.intp), ones
    )
    ms = op_parts(stack, known.rates)[0] + 1e-3 * math.exp(known.rates.theta[2])  # (ops,)
    whole = ms.sum()
    return [
        {
            "name": op.name,
            "kind": op.kind,
            "ms": float(t),
            "macs": op.macs,
            "share": float(t / whole),
        }
        for op, t in zip(work.ops, ms, strict=True)
    ]


def resolve(
    work: Work, target: Target, devices: Mapping[str, DeviceSpec] | None = None
) -> tuple[Target, DeviceSpec, RuntimeChoice]:
    """The target with every field filled in, its device and its runtime.

    Raises:
        ExportError: ``estimate_device``, ``estimate_runtime`` or ``estimate_precision``.
    """
    known = DEVICES if devices is None else devices
    if target.device not in known:
        raise ExportError("estimate_device", device=target.device)
    device = known[target.device]
    choice = device.runtimes[0] if not target.runtime else device.runtime(target.runtime)
    if choice is None:
        names = [each.name for each in device.runtimes]
        raise ExportError(
            "estimate_runtime", device=target.device, runtime=target.runtime, known=names
        )
    precision = target.precision or _own(work.precision, choice)
    if precision not in choice.precisions:
        raise ExportError(
            "estimate_precision",
            runtime=choice.name,
            precision=precision,
            known=list(choice.precisions),
        )
    threads = target.threads or choice.threads[0]
    full = replace(target, runtime=choice.name, threads=threads, precision=precision)
    return full, device, choice


def _own(precision: str, choice: RuntimeChoice) -> str:
    """The runtime's format for a file of this one: a float file takes its default of floats."""
    if precision in ("int8", "int4"):
        return precision if precision in choice.precisions else "int8"
    if precision == "fp16" and "fp16" in choice.precisions:
        return "fp16"
    return next((name for name in choice.precisions if name != "int8"), choice.precisions[0])


def _known(
    work: Work,
    target: Target,
    evidence: Sequence[Evidence],
    devices: Mapping[str, DeviceSpec] | None,
) -> tuple[Target, Known]:
    full, device, choice = resolve(work, target, devices)
    return full, _sheet(device, choice, full.threads, full.precision)


@functools.lru_cache(maxsize=1024)
def _sheet(device: DeviceSpec, choice: RuntimeChoice, threads: int, precision: str) -> Known:
    rates = sheet_rates(device, choice, threads, precision)
    if math.isnan(rates.theta[0]):
        raise ExportError("estimate_nothing", runtime=choice.name, precision=precision)
    return Known(rates, why=(Msg("estimate.why.sheet"),))


def _about(work: Work) -> tuple[Msg, ...]:
    """What the network itself gives reason to say."""
    if work.sparsity > 0.2:
        return (Msg("estimate.why.sparse", {"share": work.sparsity}),)
    return ()
