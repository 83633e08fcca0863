"""Where a network is to run, and what was measured there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kd_core.latency.work import Work


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
