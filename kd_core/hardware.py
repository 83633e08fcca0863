"""What this machine is: its processor, and the GPU that its system shows.

Nothing here asks torch for a device, so that a GPU is found even where torch cannot use it.
"""

from __future__ import annotations

import functools
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil
import torch

CPUINFO = Path("/proc/cpuinfo")

# The instruction sets that change the speed or the last bits of a network on a CPU.
CPU_FEATURES = (
    *("sse4_2", "avx", "avx2", "fma", "f16c", "avx_vnni", "avx512f", "avx512_vnni"),
    *("avx512_bf16", "avx512_fp16", "amx_int8", "amx_bf16"),
    *("asimd", "asimdhp", "asimddp", "i8mm", "bf16", "sve", "sve2", "neon"),
)


@functools.cache
def cpu() -> dict[str, Any]:
    """Model, architecture, cores and instruction sets of this machine's processor."""
    return {
        "model": _cpu_model(),
        "machine": platform.machine(),
        "cores": psutil.cpu_count(logical=False) or os.cpu_count() or 1,
        "threads": os.cpu_count() or 1,
        "features": _cpu_features(),
        "torch_kernels": torch.backends.cpu.get_cpu_capability(),
    }


def nvidia_gpu() -> dict[str, str] | None:
    """Name and driver version of the first NVIDIA GPU that the system shows, or ``None``."""
    tool = shutil.which("nvidia-smi")
    if tool:
        query = [tool, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        name, _, driver = output(query).partition("\n")[0].partition(",")
        if name and driver:
            return {"gpu": name.strip(), "driver": driver.strip()}
    driver_file = Path("/proc/driver/nvidia/version")
    if driver_file.exists() or list(Path("/dev").glob("nvidia[0-9]*")):
        words = driver_file.read_text().split() if driver_file.exists() else []
        versions = [word for word in words if word.replace(".", "").isdigit() and "." in word]
        return {"gpu": "NVIDIA", "driver": versions[0] if versions else "?"}
    return None


def _cpuinfo() -> dict[str, str]:
    """First value of each key of Linux's processor file; empty elsewhere."""
    values: dict[str, str] = {}
    for line in CPUINFO.read_text().splitlines() if CPUINFO.exists() else ():
        key, _, value = line.partition(":")
        values.setdefault(key.strip().lower(), value.strip())
    return values


def _cpu_model() -> str:
    info = _cpuinfo()
    if platform.system() == "Darwin":
        return output(["sysctl", "-n", "machdep.cpu.brand_string"]).strip()
    # x86 says "model name"; boards such as the Raspberry Pi say "model"
    named = info.get("model name") or (info.get("model") if "features" in info else None)
    return named or platform.processor() or platform.machine() or "unknown"


def _cpu_features() -> list[str]:
    info = _cpuinfo()
    flags = (info.get("flags") or info.get("features") or "").split()
    if platform.system() == "Darwin":
        flags = output(["sysctl", "-n", "machdep.cpu.features"]).lower().split()
    return [name for name in CPU_FEATURES if name in flags]


def output(command: list[str]) -> str:
    """Standard output of a command; empty if it cannot be run, fails or hangs."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout
