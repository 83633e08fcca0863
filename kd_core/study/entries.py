"""What is on disk besides a run's record: enough to rebuild the database, or collect a run.

studies/<study>.json          StudyEntry: who asked for what, and its runs
runs/[.work/]<run>/run.json   RunFile: this run's entry and the study that it was made for
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TypeVar

from pydantic import Field

from kd_core.config import RunSettings, Settings, StudySettings
from kd_core.errors import ConfigError, StoreError
from kd_core.study.folders import check_id, disk_errors
from kd_core.study.records import write_json
from kd_core.study.rows import Status

VERSION = 1
RUN_FILE = "run.json"
T = TypeVar("T", bound=Settings)


class Parent(Settings):
    """A run that another one was made from; it may be on another machine, or deleted."""

    run: str
    config_hash: str


class RunEntry(Settings):
    """One run as it was queued; fields as in ``rows.RunRow``."""

    id: str
    key: str
    owner: str = ""
    created: float
    position: int = 0
    expected_s: float | None = None
    settings: RunSettings
    config_hash: str
    parents: dict[str, Parent] = Field(default_factory=dict)
    plugins: tuple[str, ...] = ()


class Unsealed(Settings):
    """When a study's test part was unsealed, after how many finished runs, and by whom.

    Attributes:
        chosen: Arms whose figures were to be seen; empty: all.
        asked: Unix time at which figures of another arm were asked for.
    """

    at: float
    runs: int
    by: str = ""
    chosen: tuple[str, ...] = ()
    asked: dict[str, float] = Field(default_factory=dict)


class StudyEntry(Settings):
    """One study.

    Attributes:
        graph: Run id by graph key, in order; a reused run has its entry in another study.
        runs: The runs that were made for this study.
    """

    version: int = VERSION
    id: str
    name: str
    owner: str = ""
    created: float
    data_hash: str
    metric: str
    settings: StudySettings
    test_opened: Unsealed | None = None
    graph: dict[str, str] = Field(default_factory=dict)
    runs: tuple[RunEntry, ...] = ()


class RunFile(Settings):
    """A run's entry and its study, without the study's other runs."""

    run: RunEntry
    study: StudyEntry


def write_study(path: Path, entry: StudyEntry) -> None:
    """Write a study's file whole or not at all.

    Raises:
        StoreError: ``disk_full``, ``home_not_writable``.
    """
    with disk_errors(path):
        write_json(path, entry.to_json())


def read_study(path: Path) -> StudyEntry:
    """The study in a file.

    Raises:
        StoreError: ``entry_unreadable``, ``bad_id``.
    """
    entry = _read(path, StudyEntry)
    for name in (entry.id, *entry.graph.values(), *(run.id for run in entry.runs)):
        check_id(name)
    return entry


def read_run(folder: Path) -> RunFile:
    """The entry in a run's folder, which must be named after the run.

    Raises:
        StoreError: ``entry_unreadable``, ``bad_id``.
    """
    file = _read(folder / RUN_FILE, RunFile)
    for name in (file.run.id, file.study.id):
        check_id(name)
    if file.run.id != folder.name:
        raise StoreError("entry_unreadable", path=str(folder), detail=f"id {file.run.id}")
    return file


def _read(path: Path, kind: type[T]) -> T:
    try:
        return kind.from_json(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ConfigError) as error:
        raise StoreError("entry_unreadable", path=str(path), detail=str(error)[:200]) from None


def insert_study(db: sqlite3.Connection, entry: StudyEntry) -> None:
    """Enter a study, without its runs."""
    opened = entry.test_opened
    row = [entry.id, entry.name, entry.owner, json.dumps(entry.settings.to_json())]
    rest = [entry.data_hash, entry.metric, entry.created]
    test = [opened.at, opened.runs, opened.by] if opened else [None] * 3
    db.execute(f"INSERT INTO studies VALUES ({_marks(10)})", [*row, *rest, *test])


def insert_run(db: sqlite3.Connection, study_id: str, run: RunEntry, status: Status) -> None:
    """Enter a run; the needs that are in the store are linked by :func:`link_needs`."""
    settings = run.settings
    row = {
        "id": run.id,
        "study": study_id,
        "key": run.key,
        "role": settings.role,
        "seed": settings.seed,
        "status": status,
        "owner": run.owner,
        "dataset": settings.data.dataset,
        "model": settings.model.name,
        "device": settings.compute.device,
        "threads": settings.compute.threads,
        "config_hash": run.config_hash,
        "position": run.position,
        "expected_s": run.expected_s,
        "created": run.created,
    }
    db.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({_marks(len(row))})", [*row.values()])
    long = (settings.to_json(), {k: v.to_json() for k, v in run.parents.items()}, run.plugins)
    db.execute("INSERT INTO configs VALUES (?, ?, ?, ?)", [run.id, *map(json.dumps, long)])


def link_needs(db: sqlite3.Connection, run: RunEntry) -> None:
    """Link a run to its parents; a parent that is not in the store stays a name in ``parents``."""
    for name, parent in run.parents.items():
        db.execute(
            "INSERT INTO needs SELECT ?, ?, id FROM runs WHERE id = ?", [run.id, name, parent.run]
        )


def insert_member(db: sqlite3.Connection, study_id: str, key: str, run_id: str) -> None:
    """Show a run in a study, under a graph key that is not taken there."""
    db.execute(
        "INSERT INTO members SELECT ?, ?, ? WHERE EXISTS (SELECT 1 FROM runs WHERE id = ?)",
        [study_id, run_id, key, run_id],
    )


def run_file(db: sqlite3.Connection, run_id: str) -> RunFile:
    """The entry of a run that is in the store, as its worker writes it into the folder."""
    names = "id, key, owner, created, position, expected_s, config_hash"
    *plain, config, parents, plugins, study = db.execute(
        f"SELECT {names}, config, parents, plugins, study FROM runs JOIN configs ON run = id"
        " WHERE id = ?",
        [run_id],
    ).fetchone()
    run = RunEntry(
        **dict(zip(names.split(", "), plain, strict=False)),
        settings=RunSettings.from_json(config),
        parents=json.loads(parents),
        plugins=tuple(json.loads(plugins)),
    )
    names = "id, name, owner, created, data_hash, metric, settings"
    *plain, settings = db.execute(f"SELECT {names} FROM studies WHERE id = ?", [study]).fetchone()
    about = dict(zip(names.split(", "), plain, strict=False))
    return RunFile(run=run, study=StudyEntry(**about, settings=StudySettings.from_json(settings)))


def _marks(n: int) -> str:
    return ", ".join("?" * n)
