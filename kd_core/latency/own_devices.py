"""Devices of a person's own: one JSON file each, with a specification, its source and watts.

<home>/devices/<name>.json      a DeviceSpec, and who made it
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kd_core.errors import ConfigError
from kd_core.latency.devices import DEVICES, FOLDER, DeviceSpec, RuntimeChoice, read_device
from kd_core.latency.own_evidence import forget_evidence

THIS_MACHINE = "this_machine"
OPERATIONS = {"avx512f": 64, "avx2": 32, "asimd": 16}
"""32-bit float operations of one core in one cycle, by the widest instruction set it has."""

NAME = re.compile(r"[a-z][a-z0-9_]{2,39}")


def device_name(title: str) -> str:
    """A plain name for a device of this title.

    Raises:
        ConfigError: ``device_name`` if nothing of the title can be used.

    >>> device_name("Radxa ROCK 5B (16 GB)")
    'radxa_rock_5b_16_gb'
    """
    name = re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:40].strip("_")
    if not NAME.fullmatch(name):
        raise ConfigError("device_name", title=title[:80])
    return name


def own_devices(home: Path) -> dict[str, DeviceSpec]:
    """The devices that have a file here, by name; a file that cannot be read is left out."""
    found = {}
    for path in sorted((home / FOLDER).glob("*.json")):
        try:
            found[path.stem] = read_device(path)
        except ConfigError:
            continue
    return found


def save_device(
    home: Path,
    name: str,
    device: DeviceSpec,
    owner: str = "",
    may: Callable[[str], bool] = lambda owner: True,
) -> None:
    """Create a device of one's own, or change it.

    Args:
        home: Folder of the store.
        name: Plain name; the built-in ones are taken.
        device: What it is.
        owner: Who made it.
        may: Whether whoever asks may change the device of this owner.

    Raises:
        ConfigError: ``device_name``, ``device_built_in``, ``device_owner``, ``device_file``,
            ``device_source``.
    """
    if not NAME.fullmatch(name):
        raise ConfigError("device_name", title=name[:80])
    if name in DEVICES:
        raise ConfigError("device_built_in", name=name)
    checked = DeviceSpec.from_json(device.to_json())
    if not checked.source.strip():
        raise ConfigError("device_source", name=name)
    if checked.power is not None and not 0 < checked.power.typical_w <= checked.power.load_w:
        raise ConfigError("device_power", low=checked.power.typical_w, high=checked.power.load_w)
    path = _path(home, name)
    made_by = owner_of(home, name)
    if path.exists() and not may(made_by):
        raise ConfigError("device_owner", name=name)
    _write(path, json.dumps(checked.to_json(), indent=1, allow_nan=False) + "\n")
    if not path.with_suffix(".owner").exists():
        _write(path.with_suffix(".owner"), owner)


def delete_device(home: Path, name: str, may: Callable[[str], bool] = lambda owner: True) -> None:
    """Delete a device of one's own with all that was measured on it for the estimator.

    Raises:
        ConfigError: ``own_device_unknown``, ``device_owner``.
    """
    path = _path(home, name)
    if not NAME.fullmatch(name) or not path.is_file():
        raise ConfigError("own_device_unknown", name=name[:80])
    if not may(owner_of(home, name)):
        raise ConfigError("device_owner", name=name)
    path.unlink()
    path.with_suffix(".owner").unlink(missing_ok=True)
    forget_evidence(home, name)


def owner_of(home: Path, name: str) -> str:
    """Who made a device; empty where nobody is known."""
    path = _path(home, name).with_suffix(".owner")
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


def this_machine() -> DeviceSpec:
    """The machine that this program runs on, as far as it says what it is."""
    import psutil

    from kd_core import hardware  # loads torch, which a list of devices does not need

    cpu = hardware.cpu()
    x86 = cpu["machine"].lower() in ("x86_64", "amd64", "i386", "i686")
    return DeviceSpec(
        source="the machine itself",
        kind="server_cpu" if cpu["threads"] > 16 else "laptop",
        processor=f"{cpu['model']}, {cpu['cores']} cores",
        runtimes=(RuntimeChoice("onnxruntime", threads_here(), ("fp32", "int8", "fp16"), "cpu"),),
        core="x86" if x86 else "out_of_order_arm",
        cores=cpu["cores"],
        ghz=_ghz(psutil.cpu_freq()),
        flops_per_cycle=next(
            (ops for feature, ops in OPERATIONS.items() if feature in cpu["features"]), 8
        ),
        ram_bytes=int(psutil.virtual_memory().total),
        title=cpu["model"],
    )


def _ghz(clock: Any) -> float:
    """The highest clock that the system tells, else the present one; 0 where it tells none."""
    return round((clock.max or clock.current) / 1000, 2) if clock else 0.0


def threads_here() -> tuple[int, ...]:
    """Numbers of threads that are worth measuring here: one, and all cores up to four.

    >>> threads_here()[0]
    1
    """
    there = min(4, os.cpu_count() or 1)
    return (1,) if there == 1 else (1, there)


def _path(home: Path, name: str) -> Path:
    return home / FOLDER / f"{name}.json"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_text(text, encoding="utf-8")
    aside.replace(path)
