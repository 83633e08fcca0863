"""Where each figure of a built-in device is from: a source, a derivation, or an assumption.

The list ships as ``data/provenance.csv``, one figure a line. A figure that only second-hand sites
name counts as an assumption, whatever it says.
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from kd_core.latency.devices_spec import DeviceSpec

Kind = Literal["source", "derived", "assumption", "own"]
KINDS: tuple[str, ...] = get_args(Kind)
FIGURES = (
    "cores", "ghz", "flops_per_cycle", "memory_gbs", "gpu_gflops", "npu_tops", "ram_bytes",
    "flash_bytes", "power",
)  # fmt: skip
"""Figures of a data sheet, by their names in ``DeviceSpec``."""

FILE = Path(__file__).parent / "data" / "provenance.csv"


@dataclass(frozen=True)
class Origin:
    """Where one figure is from.

    Attributes:
        kind: ``source``: it stands there; ``derived``: it follows from what stands there;
            ``assumption``: it is ours; ``own``: a person entered it with their own device.
        source: The document; empty for an assumption that rests on none.
        reason: Why it is derived or assumed, a name of the texts ``provenance.<reason>``; empty
            where the source says all.
    """

    kind: Kind
    source: str = ""
    reason: str = ""


@functools.cache
def _listed() -> Mapping[tuple[str, str], Origin]:
    with FILE.open(encoding="utf-8", newline="") as file:
        return {
            (row["device"], row["figure"]): Origin(row["kind"], row["source"], row["reason"])  # type: ignore[arg-type]
            for row in csv.DictReader(file)
        }


def origins(name: str, device: DeviceSpec) -> dict[str, Origin]:
    """The origin of every figure that this device has.

    >>> from kd_core.latency.devices import DEVICES
    >>> origins("raspberry_pi_4", DEVICES["raspberry_pi_4"])["memory_gbs"].kind
    'assumption'
    """
    own = Origin("own", device.source)
    return {figure: _listed().get((name, figure), own) for figure in FIGURES
            if getattr(device, figure)}  # fmt: skip


def value_of(device: DeviceSpec, figure: str) -> Any:
    """The figure as JSON has it; power as its two ends."""
    if figure == "power":
        assert device.power is not None
        return [device.power.typical_w, device.power.load_w]
    return getattr(device, figure)
