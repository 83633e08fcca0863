"""What makes a run repeatable, and the record of where it was made.

A CPU run repeats bit for bit on the same machine with the same thread count; a GPU run does not,
and its record says so. The device that a run gets is resolved here, and a GPU that is present but
unusable is reported, never passed over in silence.
"""

from __future__ import annotations

import functools
import os
import platform
import random
import shutil
import warnings
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch

from kd_core import hardware
from kd_core.config import ComputeSettings
from kd_core.errors import TrainError
from kd_core.text import Msg

PACKAGES = ("torch", "torchvision", "onnxruntime", "onnx", "numpy", "timm", "torchmetrics")


def prepare(compute: ComputeSettings, seed: int) -> torch.device:
    """Set threads, flags and seeds of this process for one run; returns its device.

    Raises:
        TrainError: ``device_unknown`` or ``device_unavailable``.
    """
    device = resolve_device(compute.device)
    torch.set_num_threads(compute.threads)
    set_deterministic(compute.deterministic, device)
    seed_everything(seed)
    return device


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators, on all devices.

    >>> seed_everything(3); first = torch.rand(2)
    >>> seed_everything(3); bool((first == torch.rand(2)).all())
    True
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - for libraries that draw from the global one
    torch.manual_seed(seed)


def set_deterministic(on: bool, device: torch.device) -> None:
    """Choose repeatable kernels.

    On a GPU some operations have no repeatable kernel; torch then warns instead of stopping the
    run, which is why such a run is stamped "not bit-exact".
    """
    if on:
        # cuBLAS reads this when its first handle is made; two buffers of 4 MiB a stream.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(on, warn_only=device.type != "cpu")
    torch.backends.cudnn.deterministic = on
    torch.backends.cudnn.benchmark = not on


def is_bit_exact(compute: ComputeSettings) -> bool:
    """True if a second run on the same machine gives the same weights, bit for bit."""
    return compute.deterministic and resolve_device(compute.device).type == "cpu"


# ---------------------------------------------------------------- devices


@dataclass(frozen=True)
class DeviceReport:
    """Which device is used, and what is wrong with one that is not.

    Attributes:
        device: ``cpu``, ``cuda:0`` or ``mps``.
        name: The processor's or the card's own name.
        problem: Why a GPU that is present cannot be used; ``None`` if all is well.
    """

    device: str
    name: str
    problem: Msg | None

    @property
    def msg(self) -> Msg:
        """One line for the log and the page."""
        return Msg(f"device.{torch.device(self.device).type}", {"name": self.name})


def available_devices() -> tuple[str, ...]:
    """Devices that torch can train on here, the best first.

    >>> available_devices()[-1]
    'cpu'
    """
    devices = [f"cuda:{index}" for index in range(_cuda_count()) if _has_kernels(index)]
    if torch.backends.mps.is_available():
        devices.append("mps")
    return (*devices, "cpu")


def resolve_device(name: str) -> torch.device:
    """The device of a setting; ``auto`` takes the first of :func:`available_devices`.

    Raises:
        TrainError: ``device_unknown`` for a name that is none, ``device_unavailable`` for a
            device that is not here or cannot be used.

    >>> resolve_device("cpu")
    device(type='cpu')
    """
    available = available_devices()
    if name == "auto":
        return torch.device(available[0])
    try:
        device = torch.device(name)
    except RuntimeError:
        raise TrainError("device_unknown", device=name, available=list(available)) from None
    if device.type == "cuda" and device.index is None:
        device = torch.device("cuda", 0)
    if str(device) not in available:
        raise TrainError("device_unavailable", device=name, available=list(available))
    return device


def device_report(name: str = "auto") -> DeviceReport:
    """What :func:`resolve_device` chooses, with its name and the problem of an unused GPU.

    Raises:
        TrainError: As :func:`resolve_device`.
    """
    device = resolve_device(name)
    problem = gpu_problem() if device.type == "cpu" and name == "auto" else None
    label = torch.cuda.get_device_name(device) if device.type == "cuda" else hardware.cpu()["model"]
    return DeviceReport(str(device), label, problem)


def gpu_problem() -> Msg | None:
    """Why an NVIDIA GPU that this machine has cannot be used; ``None`` if there is nothing to say.

    The driver's traces (its tool, its process file, its device files) are looked for, because a
    CPU build of torch and a driver that is too old both answer only "no CUDA".
    """
    if available_devices()[0] != "cpu" or os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1"):
        return None  # in use, or hidden on purpose
    found = hardware.nvidia_gpu()
    if found is None:
        return None
    fields = {**found, "torch": torch.__version__}
    if torch.version.cuda is None:
        return Msg("device.problem.cpu_build", fields)
    fields["cuda"] = torch.version.cuda
    if _cuda_count():
        return Msg("device.problem.card_old", fields)
    detail = _cuda_init_error()
    kind = "driver_old" if "too old" in detail else "no_cuda"
    return Msg(f"device.problem.{kind}", {**fields, "detail": detail})


def _cuda_count() -> int:
    with warnings.catch_warnings():
        # torch warns here about an old driver; gpu_problem says so in a sentence of our own.
        warnings.simplefilter("ignore")
        return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _cuda_init_error() -> str:
    try:
        torch.cuda.init()
    except (RuntimeError, AssertionError) as error:
        return str(error).splitlines()[0]
    return ""


def _has_kernels(index: int) -> bool:
    """True if this build of torch has kernels for the card, which is asked without touching it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        capability = torch.cuda.get_device_capability(index)
        return torch.version.hip is not None or fits(capability, torch.cuda.get_arch_list())


def fits(capability: tuple[int, int], arches: list[str]) -> bool:
    """True if one of the compiled architectures runs on a card of this compute capability.

    Binary code (``sm_75``) runs on the same major version from its minor version on; portable
    code (``compute_75``) on every newer card. Source: CUDA C++ Programming Guide, "Compilation
    with NVCC".

    >>> fits((8, 6), ["sm_75", "sm_80"]), fits((5, 2), ["sm_75", "compute_75"])
    (True, False)
    """
    for arch in arches:
        kind, _, digits = arch.rstrip("af").partition("_")
        version = (int(digits[:-1]), int(digits[-1]))
        same_major = version[0] == capability[0]
        if version <= capability and (kind == "compute" or same_major):
            return True
    return False


# ---------------------------------------------------------------- environment


def environment(compute: ComputeSettings) -> dict[str, Any]:
    """The stamp of a run: everything outside its configuration that may change its numbers."""
    report = device_report(compute.device)
    return {
        "python": platform.python_version(),
        "os": platform.platform(),
        "cpu": hardware.cpu(),
        "memory_bytes": psutil.virtual_memory().total,
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
        "device": report.device,
        "device_name": report.name,
        "cuda": torch.version.cuda if report.device.startswith("cuda") else None,
        "threads": compute.threads,
        "deterministic": compute.deterministic,
        "bit_exact": is_bit_exact(compute),
        "git_commit": git_commit(),
    }


@functools.cache
def git_commit() -> str | None:
    """Commit of this checkout, with ``+`` behind it if tracked files were changed."""
    root = Path(__file__).parents[1]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None
    commit = hardware.output([git, "-C", str(root), "rev-parse", "HEAD"]).strip()
    changed = hardware.output([git, "-C", str(root), "status", "--porcelain", "-uno"]).strip()
    return f"{commit}+" if commit and changed else commit or None


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
