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
from typing import Any

from kd_core.errors import ExportError
from kd_core.latency.devices import DEVICES, DeviceSpec, RuntimeChoice
from kd_core.latency.estimate_adapt import ratio_spread, recalibrated, unlike
from kd_core.latency.estimate_known import Known, Tier, known
from kd_core.latency.estimate_target import Evidence, Target
from kd_core.latency.fit_model import op_times, overhead_ms, predict_ms
from kd_core.latency.work import Work
from kd_core.text import Msg

__all__ = [
    "Estimate",
    "Evidence",
    "SpeedUp",
    "Target",
    "Tier",
    "estimate",
    "layer_times",
    "resolve",
    "speed_up",
]

UNLIKE = 1.3
"""Widening from which on a network is called unlike those that were fitted."""


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
    full, found = _found(work, target, evidence, devices)
    return _of(work, full, found)


@functools.lru_cache(maxsize=65536)
def _of(work: Work, full: Target, found: Known) -> Estimate:
    latency = predict_ms(work, found.rates)
    wide = unlike(work, found)
    why = (Msg("estimate.why.unlike"),) if wide > UNLIKE else ()
    return Estimate(
        full,
        latency,
        latency * math.exp(found.low * wide),
        latency * math.exp(found.high * wide),
        found.tier,
        found.n_networks,
        found.n_rows,
        found.derived_from,
        (*found.why, *why, *_about(work)),
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
    if work.key == reference.key:
        resolve(work, target, devices)
        return SpeedUp(1.0, 1.0, 1.0)
    full, found = _found(work, target, evidence, devices)
    full_reference, of_reference = _found(reference, target, evidence, devices)
    ratio = predict_ms(reference, of_reference.rates) / predict_ms(work, found.rates)
    spread = max(ratio_spread(work, reference, found), ratio_spread(work, reference, of_reference))
    if full.precision != full_reference.precision:  # two fits, whose errors do not cancel
        spread = math.hypot(max(-found.low, found.high), max(-of_reference.low, of_reference.high))
    return SpeedUp(ratio, ratio * math.exp(-spread), ratio * math.exp(spread))


def layer_times(
    work: Work, target: Target, devices: Mapping[str, DeviceSpec] | None = None
) -> list[dict[str, Any]]:
    """Milliseconds of each operator in order: ``name``, ``kind``, ``ms``, ``macs``, ``share``.

    Raises:
        ExportError: As for :func:`estimate`.
    """
    _, found = _found(work, target, (), devices)
    each = work.each_op
    ms = op_times(each, found.rates) + overhead_ms(each, found.rates)  # (ops,)
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


def _found(
    work: Work,
    target: Target,
    evidence: Sequence[Evidence],
    devices: Mapping[str, DeviceSpec] | None,
) -> tuple[Target, Known]:
    full, device, choice = resolve(work, target, devices)
    found = known(full.device, device, choice, full.threads, full.precision)
    mine = tuple(each for each in evidence if _fits(each, full, devices))
    return full, recalibrated(found, mine) if mine else found


def _fits(each: Evidence, full: Target, devices: Mapping[str, DeviceSpec] | None) -> bool:
    """Measured on this device with this runtime, precision and threads."""
    if each.target.device != full.device or each.latency_ms <= 0:
        return False
    if each.target == full:
        return True
    try:
        return resolve(each.work, each.target, devices)[0] == full
    except ExportError:  # measured with what the device is no longer said to have
        return False


def _about(work: Work) -> tuple[Msg, ...]:
    """What the network itself gives reason to say."""
    if work.sparsity > 0.2:
        return (Msg("estimate.why.sparse", {"share": work.sparsity}),)
    return ()
