"""What a device is: a data sheet and a list of runtimes, the sensible default first."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from kd_core.errors import ConfigError
from kd_core.latency.lists import PRECISIONS, RUNTIMES
from kd_core.registry import Entry, Registry

DeviceKind = Literal[
    "microcontroller",
    "board",
    "edge_gpu",
    "accelerator",
    "phone",
    "mini_pc",
    "laptop",
    "server_cpu",
    "gpu",
]
DEVICE_KINDS: tuple[str, ...] = get_args(DeviceKind)
Core = Literal["in_order_arm", "out_of_order_arm", "x86", "cortex_m", "riscv", "none"]
Unit = Literal["cpu", "gpu", "npu", "mcu"]

MB, GB = 10**6, 10**9


@dataclass(frozen=True)
class RuntimeChoice:
    """One way to run a network on a device.

    Attributes:
        name: One of ``RUNTIMES``.
        threads: Numbers of threads that make sense, the default first; ``(0,)`` where the unit
            has none.
        precisions: Number formats, the default first.
        unit: What computes.
    """

    name: str
    threads: tuple[int, ...] = (0,)
    precisions: tuple[str, ...] = ("fp32",)
    unit: Unit = "cpu"


@dataclass(frozen=True)
class Power:
    """Watts of the whole board while it computes, as a range.

    Attributes:
        typical_w: In ordinary use.
        load_w: With every core busy.
        source: Where the figures are from.
    """

    typical_w: float
    load_w: float
    source: str


@dataclass(frozen=True, kw_only=True)
class DeviceSpec(Entry):
    """A device.

    Attributes:
        kind: What sort of thing it is.
        processor: Its processors in words.
        runtimes: What can run a network on it, the default first.
        core: Sort of the fast cores.
        cores: How many fast cores there are.
        ghz: Their clock.
        flops_per_cycle: Float operations (fp32) of a core in a cycle.
        fp16: Its cores compute in fp16 at twice the rate.
        memory_gbs: Memory bandwidth of the data sheet in GB/s.
        gpu_gflops: Peak of its GPU in fp32.
        npu_tops: Peak of its NPU in INT8.
        ram_bytes: Memory for programs; 0 where unknown.
        flash_bytes: Storage that a network must fit into; 0 where that is no limit.
        power: Watts; ``None`` where no sourced figure exists.
        sister: A device with the same cores, from whose times this one's may be derived.
        title: Name of a user's own device; the texts of built-in ones are in the catalogue.
        about: Sentence about a user's own device.
    """

    kind: DeviceKind
    processor: str
    runtimes: tuple[RuntimeChoice, ...]
    core: Core = "none"
    cores: int = 0
    ghz: float = 0.0
    flops_per_cycle: float = 0.0
    fp16: bool = False
    memory_gbs: float = 0.0
    gpu_gflops: float = 0.0
    npu_tops: float = 0.0
    ram_bytes: int = 0
    flash_bytes: int = 0
    power: Power | None = None
    sister: str = ""
    title: str = ""
    about: str = ""

    def runtime(self, name: str) -> RuntimeChoice | None:
        """The runtime of this name, if the device has it."""
        return next((choice for choice in self.runtimes if choice.name == name), None)

    def on_gpu(self, runtime: str) -> bool:
        """Whether this runtime computes on the device's GPU."""
        choice = self.runtime(runtime)
        return choice is not None and choice.unit == "gpu"

    def to_json(self) -> dict[str, Any]:
        """JSON-safe dictionary."""
        data = dataclasses.asdict(self)
        data.pop("params")
        return data

    @classmethod
    def from_json(cls, data: Any) -> DeviceSpec:
        """The device that :meth:`to_json` wrote, or that a user wrote.

        Raises:
            ConfigError: ``device_file``: a field is missing, unknown or of another type.
        """
        try:
            known = dict(data)
            known["runtimes"] = tuple(_choice(choice) for choice in known["runtimes"])
            if known.get("power") is not None:
                known["power"] = Power(**known["power"])
            device = cls(**known)
        except (TypeError, KeyError, ValueError) as error:
            raise ConfigError("device_file", detail=str(error)[:160]) from None
        _check(device)
        return device


def _choice(data: Mapping[str, Any]) -> RuntimeChoice:
    threads = tuple(int(count) for count in data.get("threads", (0,)))
    precisions = tuple(data.get("precisions", ("fp32",)))
    return RuntimeChoice(str(data["name"]), threads, precisions, data.get("unit", "cpu"))


def _check(device: DeviceSpec) -> None:
    """Closed lists and positive numbers."""
    faults = [f"kind {device.kind}"] if device.kind not in DEVICE_KINDS else []
    if device.core not in get_args(Core):
        faults.append(f"core {device.core}")
    if not device.runtimes:
        faults.append("runtimes")
    if device.sister and device.sister not in DEVICES:
        faults.append(f"sister {device.sister}")
    for choice in device.runtimes:
        if choice.name not in RUNTIMES or choice.unit not in get_args(Unit):
            faults.append(f"runtime {choice.name} {choice.unit}")
        faults += [f"precision {name}" for name in choice.precisions if name not in PRECISIONS]
        if not choice.threads or not choice.precisions or min(choice.threads) < 0:
            faults.append(f"runtime {choice.name}")
    numbers = ("cores", "ghz", "flops_per_cycle", "memory_gbs", "gpu_gflops", "npu_tops")
    for name in (*numbers, "ram_bytes", "flash_bytes"):
        value = getattr(device, name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
            faults.append(name)
    if faults:
        raise ConfigError("device_file", detail=", ".join(faults)[:160])


DEVICES: Registry[DeviceSpec] = Registry("device")
