"""``kd-lab devices`` and ``kd-lab estimate``: what a network costs on a device, not measured."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_core.cli.screen import Screen
from kd_core.text import Msg, significant

if TYPE_CHECKING:
    from kd_core.latency.devices import DeviceSpec
    from kd_core.latency.estimate import Estimate


def add_commands(add: Any, screen: Screen) -> None:
    """Add ``devices`` and ``estimate``."""
    add("devices", devices)
    command = add("estimate", estimate)
    command.add_argument(
        "model", type=Path, metavar="MODEL.onnx", help=screen.text("cli.estimate.model")
    )
    command.add_argument("--device", required=True, help=screen.text("cli.estimate.device"))
    command.add_argument("--runtime", default="", help=screen.text("cli.estimate.runtime"))
    command.add_argument("--threads", type=int, default=0, help=screen.text("cli.estimate.threads"))
    command.add_argument("--precision", default="", help=screen.text("cli.estimate.precision"))
    command.add_argument("--size", type=int, metavar="PX", help=screen.text("cli.estimate.size"))
    command.add_argument(
        "--reference", type=Path, metavar="MODEL.onnx", help=screen.text("cli.estimate.reference")
    )


def devices(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Every device with its runtimes and how well each is known."""
    from kd_core.latency.devices import device_title

    listed = []
    for name, device in _known_devices().items():
        runtimes = [_runtime(name, device, place) for place in range(len(device.runtimes))]
        title = screen.text(device_title(name, device))
        listed.append(
            {
                "name": name,
                "title": title,
                "kind": device.kind,
                "runtimes": runtimes,
                "figures": _figures(name, device, screen),
            }
        )
        said = ", ".join(f"{each['name']} ({each['tier']})" for each in runtimes)
        screen.line("cli.devices.line", name=name, title=title, runtimes=said)
    return {"devices": listed}


def _figures(name: str, device: DeviceSpec, screen: Screen) -> dict[str, Any]:
    """Each figure of the data sheet with where it is from."""
    from kd_core.latency.provenance import origins, value_of

    return {
        figure: {
            "value": value_of(device, figure),
            "kind": origin.kind,
            "source": origin.source,
            "reason": screen.text(f"provenance.{origin.reason}") if origin.reason else "",
        }
        for figure, origin in origins(name, device).items()
    }


def _known_devices() -> dict[str, DeviceSpec]:
    from kd_core.latency.devices import all_devices
    from kd_core.study.folders import open_home

    return all_devices(open_home().root)


def _runtime(name: str, device: DeviceSpec, place: int) -> dict[str, Any]:
    from kd_core.errors import ExportError
    from kd_core.latency.estimate_known import known

    choice = device.runtimes[place]
    tiers: dict[str, str] = {}
    for precision in choice.precisions:
        try:
            tiers[precision] = known(name, device, choice, choice.threads[0], precision).tier
        except ExportError:
            tiers[precision] = "–"
    return {
        "name": choice.name,
        "unit": choice.unit,
        "threads": list(choice.threads),
        "precisions": tiers,
        "tier": next(iter(tiers.values())),
        "default": place == 0,
    }


def estimate(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Milliseconds with a band, memory, storage and energy of a network on a device.

    Raises:
        ExportError: ``file_missing`` or one of the ``estimate_…`` codes.
    """
    from kd_core.latency.devices import all_devices
    from kd_core.latency.energy import energy
    from kd_core.latency.estimate import Target
    from kd_core.latency.estimate import estimate as compute
    from kd_core.latency.footprint import footprint
    from kd_core.latency.own_evidence import load_evidence
    from kd_core.latency.work import work_of
    from kd_core.study.folders import open_home

    home = open_home().root
    known = all_devices(home)
    work = work_of(arguments.model, arguments.size)
    target = Target(arguments.device, arguments.runtime, arguments.threads, arguments.precision)
    measured = load_evidence(home, arguments.device) if arguments.device in known else ()
    found = compute(work, target, measured, known)
    device = known[arguments.device]
    memory = footprint(work, device)
    spent = energy(found, device)
    answer: dict[str, Any] = {
        **found.to_json(),
        "latency_ms": _rounded(found.latency_ms),
        "band_ms": [_rounded(found.low_ms), _rounded(found.high_ms)],
        "why": [screen.text(each) for each in (*found.why, *memory.why)],
        "macs": work.macs,
        **{key: value for key, value in memory.to_json().items() if key != "why"},
        "energy_mj": None if spent is None else [_rounded(spent.low_mj), _rounded(spent.high_mj)],
        "energy_source": None if spent is None else spent.source,
    }
    if arguments.reference:
        answer["speed_up"] = _speed_up(arguments, target, work, measured, known)
    _say(screen, found, answer)
    return answer


def _speed_up(
    arguments: argparse.Namespace,
    target: Any,
    work: Any,
    measured: Any,
    known: Mapping[str, DeviceSpec],
) -> dict[str, Any]:
    from kd_core.latency.estimate import speed_up
    from kd_core.latency.work import work_of

    reference = work_of(arguments.reference, arguments.size)
    found = speed_up(work, reference, target, measured, known)
    return {"ratio": _rounded(found.ratio), "band": [_rounded(found.low), _rounded(found.high)]}


def _say(screen: Screen, found: Estimate, answer: Mapping[str, Any]) -> None:
    low, high = answer["band_ms"]
    target = found.target
    screen.line(
        "cli.estimate.line",
        latency=answer["latency_ms"],
        low=low,
        high=high,
        tier=found.tier,
        device=target.device,
        runtime=target.runtime,
        precision=target.precision,
    )
    screen.line("cli.estimate.memory", ram=answer["ram_bytes"], flash=answer["flash_bytes"])
    if answer["energy_mj"]:
        least, most = answer["energy_mj"]
        screen.line("cli.estimate.energy", low=least, high=most, source=answer["energy_source"])
    if "speed_up" in answer:
        low, high = answer["speed_up"]["band"]
        screen.line("cli.estimate.speed_up", ratio=answer["speed_up"]["ratio"], low=low, high=high)
    for sentence in answer["why"]:
        screen.note(Msg("cli.estimate.why", {"sentence": sentence}))


def _rounded(value: float) -> float:
    """Two significant digits: more would pretend to know.

    >>> _rounded(12.34), _rounded(0.0456), _rounded(1234.5)
    (12.0, 0.046, 1200.0)
    """
    return significant(value, 2)
