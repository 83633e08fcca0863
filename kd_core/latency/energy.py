"""Energy of one call: the board's power times the time, as a range, always an estimate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kd_core.latency.devices import DEVICES, DeviceSpec
from kd_core.latency.estimate import Estimate


@dataclass(frozen=True)
class Energy:
    """Millijoules of one call.

    Attributes:
        low_mj: At the power of ordinary use.
        high_mj: At full load.
        source: Where the power is from.
    """

    low_mj: float
    high_mj: float
    source: str

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return {"low_mj": self.low_mj, "high_mj": self.high_mj, "source": self.source}


def energy(estimate: Estimate, device: DeviceSpec | str) -> Energy | None:
    """E = P · t from typical power to load; ``None`` where no sourced power exists (phones).

    Args:
        estimate: The time; its most likely value is used.
        device: The device or the name of a built-in one.
    """
    spec = DEVICES[device] if isinstance(device, str) else device
    if spec.power is None:
        return None
    low, high = spec.power.typical_w, spec.power.load_w
    return Energy(low * estimate.latency_ms, high * estimate.latency_ms, spec.power.source)
