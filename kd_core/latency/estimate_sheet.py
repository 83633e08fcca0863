"""What a data sheet alone says of a device's speed: right within about a factor of two.

The share of the peak that convolutions reach is the median over the devices with published
figures: 39 % on in-order ARM cores, 58 % on out-of-order ones, 43 % on x86. More than eight threads
hardly help one image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from kd_core.latency.devices_spec import DeviceSpec, RuntimeChoice
from kd_core.latency.fit_model import NO_CALL, Rates, bytes_of

SHARE: Mapping[str, float] = {
    "in_order_arm": 0.39,
    "out_of_order_arm": 0.58,
    "x86": 0.43,
    "cortex_m": 0.6,
    "riscv": 0.3,
    "none": 0.4,
}
WIDTH_GBS: Mapping[str, float] = {
    "in_order_arm": 6.0,
    "out_of_order_arm": 25.0,
    "x86": 40.0,
    "cortex_m": 0.8,
    "riscv": 4.0,
    "none": 0.5,
}
"""Bandwidth that convolutions see, caches included; above what copying memory reaches."""
OVERHEAD_US: Mapping[str, float] = {
    "in_order_arm": 40.0,
    "out_of_order_arm": 12.0,
    "x86": 6.0,
    "cortex_m": 60.0,
    "riscv": 60.0,
    "none": 100.0,
}
MOST_THREADS = 8
GPU_SHARE, GPU_WIDTH_GBS, GPU_OVERHEAD_US, GPU_CALL_MS = 0.3, 100.0, 12.0, 0.2
NPU_SHARE, NPU_WIDTH_GBS, NPU_OVERHEAD_US, NPU_CALL_MS = 0.1, 20.0, 2.0, 0.3
HALF = ("fp16", "ncnn_default")


def sheet_rates(device: DeviceSpec, choice: RuntimeChoice, threads: int, precision: str) -> Rates:
    """Rates from the data sheet; NaN as the rate where it says nothing of that unit."""
    if choice.unit == "gpu":
        rate = GPU_SHARE * device.gpu_gflops * (2 if precision != "fp32" else 1)
        width = 0.7 * device.memory_gbs or GPU_WIDTH_GBS
        return _rates(rate, width, GPU_OVERHEAD_US, GPU_CALL_MS, precision)
    if choice.unit == "npu":
        rate = NPU_SHARE * device.npu_tops * 1e3 / (1 if precision == "int8" else 2)
        width = 0.7 * device.memory_gbs or NPU_WIDTH_GBS
        return _rates(rate, width, NPU_OVERHEAD_US, NPU_CALL_MS, precision)
    working = min(threads or device.cores, device.cores, MOST_THREADS)
    rate = SHARE[device.core] * working * device.ghz * device.flops_per_cycle
    if precision in HALF and device.fp16:
        rate *= 2
    overhead = OVERHEAD_US[device.core] / max(device.ghz, 0.05)
    return _rates(rate, WIDTH_GBS[device.core], overhead, 0.0, precision)


def _rates(rate: float, width: float, overhead_us: float, call_ms: float, precision: str) -> Rates:
    known = math.log(rate) if rate > 0 else math.nan
    call = math.log(call_ms) if call_ms else NO_CALL
    return Rates(
        (known, math.log(width), math.log(overhead_us), call), bytes_each=bytes_of(precision)
    )
