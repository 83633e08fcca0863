"""``kd-lab pack``, ``bundle``, ``measurements`` and ``calibrate``: models on one's own devices."""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kd_core.cli.screen import Screen
from kd_core.errors import ConfigError, StoreError
from kd_core.latency.devices import all_devices, device_title
from kd_core.latency.own_devices import THIS_MACHINE
from kd_core.latency.own_evidence import Trust, trust
from kd_core.study.folders import disk_errors
from kd_core.study.store import Store

if TYPE_CHECKING:  # these import torch, which takes seconds
    from kd_core.latency.bundle import BundleModel
    from kd_core.latency.own_calibrate import Step


def add_commands(add: Any, screen: Screen) -> None:
    """Add the commands of this file."""
    command = add("pack", pack)
    command.add_argument("run", metavar="RUN", help=screen.text("cli.argument.run"))
    _to_zip(command, screen)
    command.add_argument("--model", metavar="NAME", help=screen.text("cli.predict.model"))
    command = add("bundle", bundle)
    command.add_argument("runs", nargs="*", metavar="RUN", help=screen.text("cli.argument.run"))
    command.add_argument(
        "--calibration", action="store_true", help=screen.text("cli.bundle.calibration")
    )
    command.add_argument(
        "--device", required=True, metavar="NAME", help=screen.text("cli.bundle.device")
    )
    command.add_argument(
        "--runtime", default="", metavar="NAME", help=screen.text("cli.bundle.runtime")
    )
    command.add_argument(
        "--precision", default="", metavar="NAME", help=screen.text("cli.bundle.precision")
    )
    _to_zip(command, screen)
    command = add("measurements", measurements)
    command.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE.json",
        help=screen.text("cli.measurements.files"),
    )
    command = add("calibrate", calibrate)
    command.add_argument(
        "--prepare", action="store_true", help=screen.text("cli.calibrate.prepare")
    )


def _to_zip(command: Any, screen: Screen) -> None:
    command.add_argument(
        "--to", type=Path, required=True, metavar="FILE.zip", help=screen.text("cli.pack.to")
    )
    command.add_argument(
        "--with-images", action="store_true", help=screen.text("cli.pack.with_images")
    )


def pack(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Write the deploy pack of a run's model.

    Raises:
        StoreError: ``run_unknown``, ``run_unfinished``, ``export_exists``, ``disk_full``.
        ModelError: ``model_unknown``.
        ExportError: The file is missing or cannot be run.
    """
    from kd_core.study import devices

    with contextlib.closing(Store()) as store:
        content, name = devices.pack(
            store, arguments.run, screen.text, arguments.model, arguments.with_images
        )
    _write(arguments.to, content)
    screen.line("cli.pack.done", path=str(arguments.to), size=len(content))
    return {"path": str(arguments.to), "name": name, "size_bytes": len(content)}


def bundle(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Write a bench bundle for runs, or with the calibration networks.

    Raises:
        ConfigError: ``own_device_unknown``.
        ExportError: ``bundle_runtime``, ``bundle_empty``, ``bundle_too_large``.
        StoreError: ``run_unknown``, ``run_unfinished``, ``export_exists``, ``disk_full``.
    """
    from kd_core.latency.bundle import ONNX_RUNTIME, Bench
    from kd_core.study import devices

    with contextlib.closing(Store()) as store:
        known = all_devices(store.home.root)
        if arguments.device not in known:
            raise ConfigError("own_device_unknown", name=arguments.device)
        models = _models(store, arguments, screen)
        runtime = arguments.runtime or ONNX_RUNTIME
        gpu = known[arguments.device].on_gpu(runtime)
        bench = Bench(arguments.device, runtime, arguments.precision, gpu=gpu)
        title = screen.text(device_title(arguments.device, known[arguments.device]))
        content, issued = devices.issue(store, models, bench, screen.text, title)
    _write(arguments.to, content)
    screen.line("cli.bundle.done", path=str(arguments.to), size=len(content), n=len(models))
    return {
        "path": str(arguments.to),
        "bundle": issued.bundle,
        "device": issued.device,
        "runtime": issued.runtime,
        "models": [model.name for model in models],
        "size_bytes": len(content),
    }


def _models(store: Store, arguments: argparse.Namespace, screen: Screen) -> Sequence[BundleModel]:
    from kd_core.latency.bundle import BundleModel
    from kd_core.study import devices

    if not arguments.calibration:
        images = arguments.with_images
        return [devices.bundle_model(store, run, with_images=images) for run in arguments.runs]
    return [BundleModel(path, name) for name, path in _networks(store, screen).items()]


def _networks(store: Store, screen: Screen) -> Mapping[str, Path]:
    from kd_core.latency.own_networks import NETWORKS, calibration_files

    with screen.bar(screen.text("cli.bundle.networks"), total=len(NETWORKS)) as bar:
        return calibration_files(
            store.home.cache, progress=lambda done, total: bar.update(done - bar.n)
        )


def measurements(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Add results of bench bundles; each file is added as a whole or not at all.

    Raises:
        UploadError: The result is not one, is foreign, was changed or cannot be true.
    """
    from kd_core.study import devices

    answers = []
    with contextlib.closing(Store()) as store:
        for path in arguments.files:
            if not path.is_file():
                raise StoreError("upload_missing", file=str(path))
            taken = devices.take_in(store, path.read_bytes())
            found = trust(store.home.root, taken.issued.device)
            device = taken.issued.device
            screen.line(
                "cli.measurements.done",
                n=len(taken.measurements),
                evidence=taken.evidence,
                device=device,
            )
            _show_trust(found, screen)
            answers.append(
                {
                    "file": str(path),
                    "device": device,
                    "runtime": taken.issued.runtime,
                    "measurements": [
                        {"run": run, "model": model, **figure.to_json()}
                        for run, model, figure in taken.measurements
                    ],
                    "evidence": taken.evidence,
                    "trust": [vars(one) for one in found],
                }
            )
    return {"results": answers}


def calibrate(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Measure the calibration networks on this machine, while no run is training.

    Raises:
        JobError: ``calibrate_busy``.
        ExportError: A network cannot be exported or measured.
    """
    from kd_core.latency.own_calibrate import calibrate as measure_here
    from kd_core.latency.own_networks import NETWORKS
    from kd_core.study.calibration import Watched

    if arguments.prepare:
        with contextlib.closing(Store()) as store:
            return {"networks": sorted(_networks(store, screen))}
    with contextlib.closing(Store()) as store, Watched(store) as watched:
        with screen.bar(screen.text("cli.calibrate.bar"), total=len(NETWORKS)) as bar:

            def tick(step: Step) -> None:
                watched.tick(step)
                bar.set_postfix_str(f"{step.stage} {step.name}")
                bar.update(max(0, step.done - bar.n) if step.stage != "export" else 0)

            added = measure_here(store.home.root, watched.busy, tick, watched.stop)
        found = trust(store.home.root, THIS_MACHINE)
    screen.line("cli.calibrate.done", n=added)
    _show_trust(found, screen)
    return {"device": THIS_MACHINE, "evidence": added, "trust": [vars(one) for one in found]}


def _show_trust(found: Sequence[Trust], screen: Screen) -> None:
    number = screen.catalogue.number
    screen.table(
        [f"devices.trust.{name}" for name in ("runtime", "threads", "precision", "networks")]
        + ["devices.trust.before", "devices.trust.after"],
        [
            (
                one.runtime,
                one.threads,
                one.precision,
                one.networks,
                *("–" if v is None else number(v, "percent") for v in (one.before, one.after)),
            )
            for one in found
        ],
    )


def _write(path: Path, content: bytes) -> None:
    """Write a new file.

    Raises:
        StoreError: ``export_exists``, ``disk_full``, ``home_not_writable``.
    """
    if path.exists():
        raise StoreError("export_exists", path=str(path))
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
