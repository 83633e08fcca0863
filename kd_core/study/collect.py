"""Bring in finished runs that were made elsewhere: checked, copied aside, renamed, then entered."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kd_core.data.disk import need_space
from kd_core.errors import KDLabError, StoreError
from kd_core.study.entries import (
    RunFile,
    StudyEntry,
    insert_member,
    insert_run,
    insert_study,
    link_needs,
    read_run,
    read_study,
    write_study,
)
from kd_core.study.folders import disk_errors, remove, size_bytes
from kd_core.study.life import restore_state
from kd_core.study.records import RECORD, RunRecord
from kd_core.study.store import Store

MAX_FILES = 10_000
MAX_BYTES = 20_000_000_000  # one run: weights, predictions and little else
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._ +-]{0,120}")


@dataclass(frozen=True)
class Collected:
    """Run ids that were added or were here already, and folders that were refused, with why."""

    added: tuple[str, ...]
    known: tuple[str, ...]
    refused: tuple[tuple[str, KDLabError], ...]


def collect(store: Store, source: Path, owner: str = "") -> Collected:
    """Copy finished runs into this store; a study that is not known here is made.

    Args:
        store: Where to.
        source: A run's folder, a folder of such folders, or another home.
        owner: Whose runs they are from now on.

    Raises:
        StoreError: ``nothing_to_collect``, ``disk_full``, ``store_locked``.
    """
    folders = [*_candidates(source)]
    if not folders:
        raise StoreError("nothing_to_collect", path=str(source))
    added, known, refused, files = [], [], [], []
    for folder in folders:
        try:
            files.append((_checked(folder), folder))
        except StoreError as error:
            refused.append((folder.name, error))
    # In the order in which they were queued: parents first, and lists keep their order.
    for file, folder in sorted(files, key=lambda pair: (pair[0].run.created, pair[0].run.position)):
        if store.db.rows("SELECT 1 FROM runs WHERE id = ?", [file.run.id]):
            known.append(file.run.id)
            continue
        if not store.home.run(file.run.id).exists():  # else left by a collect cut short
            _copy(store, folder)
        _enter(store, file, _study_of(file, source), owner)
        added.append(file.run.id)
    return Collected(tuple(added), tuple(known), tuple(refused))


def _candidates(source: Path) -> Iterator[Path]:
    if (source / RECORD).is_file():
        yield source
        return
    for parent in (source, source / "runs"):
        if parent.is_dir():
            yield from sorted(path for path in parent.iterdir() if (path / RECORD).is_file())


def _checked(folder: Path) -> RunFile:
    """The run in a folder from outside, when all of it is as a worker would have written it."""
    files = [*_plain_files(folder)]
    total = sum(path.stat().st_size for path in files)
    if len(files) > MAX_FILES or total > MAX_BYTES:
        raise StoreError("run_too_large", files=len(files), size_bytes=total, limit=MAX_BYTES)
    file = read_run(folder)
    record = RunRecord.read(folder)
    if record.run_id != file.run.id or record.config_hash != file.run.config_hash:
        raise StoreError("record_unreadable", run=folder.name, detail="run.json ≠ record.json")
    for model in record.models:
        if not _NAME.fullmatch(model.name):
            raise StoreError("bad_id", id=model.name[:80])
        exported = folder / "models" / model.name / "model.onnx"
        if not exported.is_file() or _sha256(exported) != model.sha256:
            raise StoreError(
                "file_changed", run=folder.name, file=f"models/{model.name}/model.onnx"
            )
    return file


def _plain_files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not _NAME.fullmatch(path.name):
            raise StoreError("file_not_plain", file=path.name[:80])
        if path.is_dir():
            yield from _plain_files(path)
        elif path.is_file():
            yield path
        else:
            raise StoreError("file_not_plain", file=path.name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _copy(store: Store, folder: Path) -> None:
    target = store.home.run(folder.name)
    aside = store.home.runs / ".work" / f".collect-{folder.name}"
    need_space(target, size_bytes(folder))
    remove(aside)
    with disk_errors(target):
        try:
            shutil.copytree(folder, aside)
            aside.rename(target)
        except OSError:
            remove(aside)
            raise


def _study_of(file: RunFile, source: Path) -> StudyEntry:
    """The study's own file where the source has one: it knows whether its test was opened."""
    path = source / "studies" / f"{file.study.id}.json"
    try:
        return read_study(path).change(graph={}, runs=())
    except StoreError:
        return file.study


def _enter(store: Store, file: RunFile, study: StudyEntry, owner: str) -> None:
    path = store.home.study(study.id)
    with store.db.write() as db:
        if path.exists():
            here = read_study(path)
            entry = here.change(test_opened=here.test_opened or study.test_opened)
        else:
            entry = study.change(owner=owner)
            insert_study(db, entry)
        position = db.execute("SELECT COALESCE(MAX(position), 0) + 1 FROM runs").fetchone()[0]
        # Files that a worker would load are not taken over from another machine.
        run = file.run.change(owner=owner, position=position, plugins=())
        key = run.key if run.key not in entry.graph else f"{run.key}-{run.id}"
        entry = entry.change(graph={**entry.graph, key: run.id}, runs=(*entry.runs, run))
        insert_run(db, entry.id, run, "queued")
        link_needs(db, run)
        insert_member(db, entry.id, key, run.id)
        restore_state(db, store.home, run.id)
        if entry.test_opened:
            opened = entry.test_opened
            db.execute(
                "UPDATE studies SET test_opened_at = ?, test_opened_runs = ?, test_opened_by = ?"
                " WHERE id = ?",
                [opened.at, opened.runs, opened.by, entry.id],
            )
        write_study(path, entry)
