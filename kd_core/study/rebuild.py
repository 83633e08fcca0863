"""The database again, from the files: study files say what was asked, folders what became of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from kd_core.errors import KDLabError, StoreError
from kd_core.study.database import Database
from kd_core.study.entries import (
    RunEntry,
    StudyEntry,
    insert_member,
    insert_run,
    insert_study,
    link_needs,
    read_run,
    read_study,
)
from kd_core.study.folders import Home, open_home, remove
from kd_core.study.life import restore_state
from kd_core.study.needs import settle
from kd_core.study.schema import migrate


@dataclass(frozen=True)
class Rebuilt:
    """What was found; ``problems`` names files that could not be read, and why."""

    studies: int
    runs: int
    problems: tuple[tuple[str, KDLabError], ...]


def rebuild(root: Path | str | None = None) -> Rebuilt:
    """Make a new database from the files of a home; the old one is kept as ``store.old-….sqlite``.

    Nothing in a run's folder is changed. Measurements, the opening of tests and the queue come
    back; a run that was running is ``interrupted``.

    Raises:
        StoreError: ``store_in_use`` while a server or a command runs the queue.
    """
    home = open_home(root)
    lock = filelock.FileLock(home.runner_lock, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise StoreError("store_in_use", path=str(home.root)) from None
    try:
        return _rebuild(home)
    finally:
        lock.release()


def _rebuild(home: Home) -> Rebuilt:
    aside = home.root / "store.new.sqlite"
    _remove_database(aside)
    # No write-ahead log: the new file must be whole by itself when it is renamed.
    database = Database(aside, wal=False)
    migrate(database)
    problems: list[tuple[str, KDLabError]] = []
    with database.write() as db:
        entries = [*_studies(home, problems)]
        for entry in entries:
            insert_study(db, entry)
            for run in entry.runs:
                insert_run(db, entry.id, run, "queued")
        runs = [run for entry in entries for run in entry.runs]
        runs += _salvage(db, home, problems)
        for run in runs:
            link_needs(db, run)
        for entry in entries:
            for key, run_id in entry.graph.items():
                insert_member(db, entry.id, key, run_id)
        found = [(str(home.where(run.id)), restore_state(db, home, run.id)) for run in runs]
        problems += [(path, error) for path, error in found if error]
        settle(db)
        studies = db.execute("SELECT COUNT(*) FROM studies").fetchone()[0]
    database.close()
    if home.store.exists():
        home.store.rename(home.root / f"store.old-{time.time_ns()}.sqlite")
    _remove_database(home.store)
    aside.rename(home.store)
    return Rebuilt(studies, len(runs), tuple(problems))


def _remove_database(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        remove(path.with_name(path.name + suffix))


def _studies(home: Home, problems: list[tuple[str, KDLabError]]) -> Iterator[StudyEntry]:
    for path in sorted(home.studies.glob("*.json")):
        try:
            yield read_study(path)
        except StoreError as error:
            problems.append((str(path), error))


def _salvage(
    db: sqlite3.Connection, home: Home, problems: list[tuple[str, KDLabError]]
) -> list[RunEntry]:
    """Enter runs that have a folder and no study file; their studies come from ``run.json``."""
    found = []
    for folder in run_folders(home):
        if db.execute("SELECT 1 FROM runs WHERE id = ?", [folder.name]).fetchone():
            continue
        try:
            file = read_run(folder)
        except StoreError as error:
            problems.append((str(folder), error))
            continue
        if not db.execute("SELECT 1 FROM studies WHERE id = ?", [file.study.id]).fetchone():
            insert_study(db, file.study)
        insert_run(db, file.study.id, file.run, "queued")
        insert_member(db, file.study.id, file.run.key, file.run.id)
        found.append(file.run)
    return found


def run_folders(home: Home) -> list[Path]:
    """Folders of runs, finished ones first; what begins with a dot is none."""
    folders = [*home.runs.iterdir(), *(home.runs / ".work").iterdir()]
    return [path for path in folders if path.is_dir() and not path.name.startswith(".")]
