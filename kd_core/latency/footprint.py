"""Whether a network fits: bytes of its weights and of what it needs while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from kd_core.latency.devices import DEVICES, DeviceSpec
from kd_core.latency.fit_model import bytes_of
from kd_core.latency.work import Work
from kd_core.text import Msg

RUNTIME_BYTES = {
    "microcontroller": 40_000,
    "accelerator": 10_000_000,
}
"""Code and bookkeeping of a runtime: STM32Cube.AI's library on microcontrollers."""
USUAL_RUNTIME_BYTES = 60_000_000
"""onnxruntime's process on a small board before it opens a file."""
RUNTIME_FLASH_BYTES = 50_000
USABLE = 0.9
"""Share of the memory that is not the system's own."""


@dataclass(frozen=True)
class Footprint:
    """What a network takes on a device.

    Attributes:
        weights_bytes: Its weights in the format that it runs in.
        peak_activation_bytes: Largest set of results that live at the same time.
        ram_bytes: Memory while it runs, runtime included.
        flash_bytes: Storage.
        fits: It fits into both; ``None`` where the device's sizes are not known.
        why: What does not fit, or what was assumed.
    """

    weights_bytes: int
    peak_activation_bytes: int
    ram_bytes: int
    flash_bytes: int
    fits: bool | None
    why: tuple[Msg, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        return {
            "weights_bytes": self.weights_bytes,
            "peak_activation_bytes": self.peak_activation_bytes,
            "ram_bytes": self.ram_bytes,
            "flash_bytes": self.flash_bytes,
            "fits": self.fits,
            "why": [message.to_json() for message in self.why],
        }


def footprint(work: Work, device: DeviceSpec | str) -> Footprint:
    """Memory and storage of a network on a device.

    On a microcontroller the weights stay in flash and only the arena, the largest set of results
    that live at once, is in RAM; elsewhere both are in RAM. Microcontrollers and the Edge TPU run
    INT8, so a float file is counted as it would be after quantisation.

    Args:
        work: The network.
        device: The device or the name of a built-in one.
    """
    spec = DEVICES[device] if isinstance(device, str) else device
    only_int8 = all(choice.precisions == ("int8",) for choice in spec.runtimes)
    each = 1 if only_int8 else bytes_of(work.precision)
    weights = min(work.weights_bytes, work.weights * each) if only_int8 else work.weights_bytes
    arena = work.peak_activation * each
    small = spec.kind == "microcontroller"
    runtime = RUNTIME_BYTES.get(spec.kind, USUAL_RUNTIME_BYTES)
    ram = arena + runtime + (0 if small else weights)
    flash = weights + (RUNTIME_FLASH_BYTES if small else 0)
    why = [Msg("footprint.why.int8")] if only_int8 and work.precision != "int8" else []
    over_ram = bool(spec.ram_bytes) and ram > spec.ram_bytes * USABLE
    over_flash = bool(spec.flash_bytes) and flash > spec.flash_bytes
    if over_ram:
        why.append(Msg("footprint.why.ram", {"needs": ram, "has": spec.ram_bytes}))
    if over_flash:
        why.append(Msg("footprint.why.flash", {"needs": flash, "has": spec.flash_bytes}))
    fits = not (over_ram or over_flash) if spec.ram_bytes or spec.flash_bytes else None
    return Footprint(weights, arena, ram, flash, fits, tuple(why))
