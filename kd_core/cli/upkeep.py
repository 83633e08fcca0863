"""``kd-lab collect``, ``backup``, ``rebuild``, ``gc``, ``delete`` and ``device``."""

from __future__ import annotations

import argparse
import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kd_core.cli.screen import Screen
from kd_core.config import ComputeSettings
from kd_core.errors import StoreError
from kd_core.study.collect import collect as collect_runs
from kd_core.study.rebuild import rebuild as rebuild_store
from kd_core.study.store import Store


def add_commands(add: Any, screen: Screen) -> None:
    """Add the commands of this file."""
    command = add("collect", collect)
    command.add_argument("source", type=Path, metavar="DIR", help=screen.text("cli.collect.source"))
    command = add("backup", backup)
    command.add_argument("--to", type=Path, metavar="FILE", help=screen.text("cli.backup.to"))
    add("rebuild", rebuild)
    command = add("gc", gc)
    command.add_argument("--dry-run", action="store_true", help=screen.text("cli.gc.dry_run"))
    command = add("delete", delete)
    command.add_argument("id", metavar="ID", help=screen.text("cli.delete.id"))
    add("device", device)


def collect(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Bring in finished runs that were made elsewhere.

    Raises:
        StoreError: ``nothing_to_collect``, ``disk_full``, ``store_locked``.
    """
    with contextlib.closing(Store()) as store:
        found = collect_runs(store, arguments.source)
    screen.line("cli.collect.done", added=len(found.added), known=len(found.known))
    for name, error in found.refused:
        screen.note("cli.collect.refused", folder=name, error=error.msg)
    return {
        "ok": not found.refused,
        "added": found.added,
        "known": found.known,
        "refused": [{"folder": name, "error": error.to_json()} for name, error in found.refused],
    }


def backup(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Copy the database while it is in use; run folders are copied like any folder.

    Raises:
        StoreError: ``export_exists``, ``disk_full``, ``home_not_writable``.
    """
    with contextlib.closing(Store()) as store:
        name = f"store-{time.strftime('%Y%m%d-%H%M%S')}.sqlite"
        target = arguments.to or store.home.root / "backups" / name
        if target.exists():
            raise StoreError("export_exists", path=str(target))
        store.backup(target)
        runs = store.home.runs
    screen.line("cli.backup.done", file=str(target), runs=str(runs))
    return {"file": str(target), "size_bytes": target.stat().st_size}


def rebuild(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Make the database anew from the run folders; the old one is kept beside it.

    Raises:
        StoreError: ``store_in_use``.
    """
    found = rebuild_store()
    screen.line("cli.rebuild.done", studies=found.studies, runs=found.runs)
    for path, error in found.problems:
        screen.note("cli.rebuild.problem", path=path, error=error.msg)
    return {
        "ok": not found.problems,
        "studies": found.studies,
        "runs": found.runs,
        "problems": [{"path": path, "error": error.to_json()} for path, error in found.problems],
    }


def gc(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Remove what nothing refers to, and say what is used."""
    from kd_core.study import cleanup

    with contextlib.closing(Store()) as store:
        found = cleanup.gc(store, dry_run=arguments.dry_run)
        usage = cleanup.disk_usage(store)
    for item in found:
        screen.line(
            "cli.gc.item",
            path=str(item.path),
            size=item.size_bytes,
            reason=screen.text(f"garbage.{item.reason}"),
        )
    freed = sum(item.size_bytes for item in found)
    screen.line("cli.gc.would" if arguments.dry_run else "cli.gc.done", n=len(found), size=freed)
    return {
        "removed": not arguments.dry_run,
        "items": [
            {"path": str(item.path), "size_bytes": item.size_bytes, "reason": item.reason}
            for item in found
        ],
        "freed_bytes": freed,
        "disk_bytes": usage,
    }


def delete(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Remove a run, a study with its runs, or a data set with its caches.

    Raises:
        JobError: ``run_active``, ``run_needed``, ``dataset_in_use``.
        StoreError: ``id_unknown``.
    """
    with contextlib.closing(Store()) as store:
        kind, freed = _delete(store, arguments.id)
    screen.line("cli.delete.done", id=arguments.id, size=freed)
    return {"deleted": arguments.id, "kind": kind, "freed_bytes": freed}


def _delete(store: Store, name: str) -> tuple[str, int]:
    from kd_core.data.library import Library
    from kd_core.study import cleanup

    if any(row.id == name for row in store.studies()):
        return "study", cleanup.delete_study(store, name)
    if any(row.id == name for row in store.runs()):
        return "run", cleanup.delete_run(store, name)
    library = Library(store.home.root)
    if name not in library.names():
        raise StoreError("id_unknown", id=name)
    return "dataset", cleanup.delete_dataset(store, library, name)


def device(arguments: argparse.Namespace, screen: Screen) -> Mapping[str, Any]:
    """Which device is used here, and what is wrong with one that is not."""
    from kd_core import repro

    report = repro.device_report()
    screen.line(report.msg)
    if report.problem:
        screen.note(report.problem)
    return {
        "device": report.device,
        "problem": report.problem,
        "available": repro.available_devices(),
        "environment": repro.environment(ComputeSettings()),
    }
