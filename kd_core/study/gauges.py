"""What a training run is charged by on this machine: energy counters and the memory of the process.

Processors of Intel and AMD count their joules (RAPL), as a rule readable by the administrator only;
GPUs of NVIDIA count theirs since the driver was loaded (NVML, Volta and newer). Idle power and what
other programs do meanwhile are part of both. Nothing is ever guessed: what cannot be read is
``None``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import torch

from kd_core.latency.probe import POWERCAP, peak_bytes, read_energy, reset_peak_memory, since
from kd_core.train.spent import Gauges

UJ_PER_J = 1e6
MJ_PER_J = 1e3


def gauges(device: torch.device) -> Gauges:
    """Gauges for a run that trains on this device; the memory's high-water mark starts anew.

    On a GPU the energy is the GPU's, and the processor's beside it where that can be read.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        counters = [nvml(device), *([rapl()] if read_energy(POWERCAP) else [])]
        return Gauges(together(*counters), lambda: torch.cuda.max_memory_allocated(device))
    reset_peak_memory()
    return Gauges(joules=rapl(), peak_bytes=peak_bytes)


def rapl(folder: Path = POWERCAP) -> Callable[[], float | None]:
    """Joules of all packages and their memory since this call.

    Counters start anew at a limit (some hours at low power, an hour at high), so it must be read
    more often than that.
    """
    last = read_energy(folder)
    total_uj = 0

    def joules() -> float | None:
        nonlocal last, total_uj
        now = read_energy(folder)
        if not now or set(now) != set(last):
            return None
        total_uj += sum(since(last[name], now[name]) for name in now)
        last = now
        return total_uj / UJ_PER_J

    return joules


def nvml(device: torch.device) -> Callable[[], float | None]:
    """Joules of a GPU since its driver was loaded; ``None`` without NVML or its counter."""
    try:
        import pynvml
    except ImportError:
        return lambda: None

    def joules() -> float | None:
        with contextlib.suppress(pynvml.NVMLError, ValueError):
            pynvml.nvmlInit()
            uuid = str(torch.cuda.get_device_properties(device).uuid)
            handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
            return float(pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)) / MJ_PER_J
        return None

    return joules


def together(*counters: Callable[[], float | None]) -> Callable[[], float | None]:
    """The sum of some counters, as long as all of them can be read.

    >>> together(lambda: 1.0, lambda: 2.0)(), together(lambda: None, lambda: 2.0)()
    (3.0, None)
    """

    def joules() -> float | None:
        readings = [counter() for counter in counters]
        known = [reading for reading in readings if reading is not None]
        return sum(known) if len(known) == len(readings) else None

    return joules
