"""Devices of one's own, results that were measured on them, and the server measuring itself."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.services import services
from app.visitor import allowed, may, may_change, person, shared_server
from kd_core.latency.devices import DEVICES, DeviceSpec
from kd_core.latency.own_devices import delete_device, owner_of, save_device
from kd_core.latency.pack import Say
from kd_core.study import calibration

if TYPE_CHECKING:  # torch and onnxruntime take seconds
    from kd_core.latency.bundle import Bench, BundleModel
    from kd_core.latency.bundle_records import Issued
    from kd_core.study.devices import TakenIn


def may_teach(device: str) -> bool:
    """On a shared server people teach the estimates of their own devices only."""
    if not shared_server() or person().may("change_others"):
        return True
    return device not in DEVICES and may_change(owner_of(services().store.home.root, device))


def save_own_device(name: str, spec: DeviceSpec) -> None:
    """Create a device of this visitor's own, or change it.

    Raises:
        AccessError: Without the right ``upload``.
        ConfigError: As :func:`kd_core.latency.own_devices.save_device`.
    """
    me = allowed("upload")
    save_device(services().store.home.root, name, spec, me.owner, may_change)


def remove_own_device(name: str) -> None:
    """Delete a device with all that was measured on it.

    Raises:
        AccessError: Without the right ``upload``.
        ConfigError: As :func:`kd_core.latency.own_devices.delete_device`.
    """
    allowed("upload")
    delete_device(services().store.home.root, name, may_change)


def take_results(content: bytes) -> TakenIn:
    """Add a result file of a bench bundle: all of it, or nothing.

    Raises:
        AccessError: Without the right ``upload``.
        UploadError: As :func:`kd_core.study.devices.take_in`.
    """
    from kd_core.study import devices

    allowed("upload")
    return devices.take_in(services().store, content, may_change, may_teach)


def issue_bundle(
    models: Sequence[BundleModel], bench: Bench, say: Say, device_title: str
) -> tuple[bytes, Issued]:
    """A bench bundle of this visitor, remembered so that its result is known again.

    Raises:
        AccessError: Without the right ``start``.
        ExportError: As :func:`kd_core.study.devices.issue`.
    """
    from kd_core.study import devices

    allowed("start")
    return devices.issue(services().store, models, bench, say, device_title)


def prepare_calibration() -> subprocess.Popen[bytes]:
    """Export the networks of a calibration bundle, in a process of its own.

    Raises:
        AccessError: Without the right ``start``.
        JobError: ``calibrate_twice``.
    """
    allowed("start")
    return calibration.start(services().store.home.root, prepare_only=True)


def measure_here() -> subprocess.Popen[bytes]:
    """Let the server measure itself, in a process of its own.

    Raises:
        AccessError: Without the right ``machine``.
        JobError: ``calibrate_twice``.
    """
    allowed("machine")
    return calibration.start(services().store.home.root)


def stop_measuring() -> None:
    """The server ends to measure itself after the network at hand.

    Raises:
        AccessError: Without the right ``machine``.
    """
    allowed("machine")
    calibration.ask_to_stop(services().store.home.root)


def may_measure() -> bool:
    """Whether this visitor may let the server measure itself."""
    return may("machine")
