"""The devices that latency is estimated for: what they are, what runs on them, what they draw.

The built-in ones are in ``devices_boards.py`` and ``devices_computers.py``; a user's own device is
one JSON file in ``<home>/devices/`` with the same fields.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

from kd_core.errors import ConfigError

# the two lists register their entries
from kd_core.latency import devices_boards, devices_computers, devices_tiny  # noqa: F401
from kd_core.latency.devices_spec import (
    DEVICE_KINDS,
    DEVICES,
    DeviceSpec,
    Power,
    RuntimeChoice,
)
from kd_core.text import Msg

__all__ = [
    "DEVICES",
    "DEVICE_KINDS",
    "DeviceSpec",
    "Power",
    "RuntimeChoice",
    "all_devices",
    "device_title",
    "read_device",
]

FOLDER = "devices"


def all_devices(home: Path | None = None) -> dict[str, DeviceSpec]:
    """The built-in devices and those of the user's own files, by name.

    A file that cannot be read is left out; :func:`read_device` says what is wrong with it.

    Args:
        home: Folder of the store; ``None`` for the built-in devices only.
    """
    found = dict(DEVICES.items())
    for path in sorted((home / FOLDER).glob("*.json")) if home else ():
        try:
            found.setdefault(path.stem, read_device(path))
        except ConfigError:
            continue
    return found


def read_device(path: Path) -> DeviceSpec:
    """A user's own device.

    Raises:
        ConfigError: ``device_file``.
    """
    try:
        return _parsed(path.read_bytes())
    except OSError as error:
        raise ConfigError("device_file", detail=str(error)[:160]) from None


@functools.lru_cache(maxsize=256)
def _parsed(content: bytes) -> DeviceSpec:
    try:
        data = json.loads(content)
    except ValueError as error:
        raise ConfigError("device_file", detail=str(error)[:160]) from None
    if not isinstance(data, dict):
        raise ConfigError("device_file", detail=type(data).__name__)
    return DeviceSpec.from_json(data)


def device_title(name: str, device: DeviceSpec) -> Msg:
    """What a device is called: from the catalogue, or the user's own words."""
    if device.title or name not in DEVICES:
        return Msg("device.own_title", {"title": device.title or name})
    return Msg(DEVICES.text_id(name, "title"))
