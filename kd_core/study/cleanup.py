"""Deleting runs, studies and caches, and finding what nothing refers to any more.

A finished record is never edited, but it can be removed, with everything that belongs to it alone.
What something unfinished still needs is refused.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kd_core.data.library import Library
from kd_core.errors import JobError, KDLabError
from kd_core.study.entries import RunEntry, read_study, run_file, write_study
from kd_core.study.folders import remove, size_bytes
from kd_core.study.rows import OVER
from kd_core.study.store import Store

STALE_S = 3600.0  # a file written aside that is older belongs to a process that died
OLD_S = 7 * 24 * 3600.0  # logs, and uploads that no run refers to
TEACHER_OUTPUTS = "teacher_outputs"
SYNTHETIC = "synthetic"

Reason = Literal["run_unknown", "aside", "data_unknown", "teacher_unknown", "upload", "log"]


@dataclass(frozen=True)
class Garbage:
    """Something that nothing refers to."""

    path: Path
    size_bytes: int
    reason: Reason


def delete_run(store: Store, run_id: str) -> int:
    """Remove a run from all studies, with its folder and teacher outputs; the bytes freed.

    Raises:
        JobError: ``run_active`` while a worker has it; ``run_needed`` by one that is not finished.
        StoreError: ``run_unknown``.
    """
    store.run(run_id)
    return _delete_runs(store, [run_id])


def delete_study(store: Store, study_id: str) -> int:
    """Remove a study and its runs, except those that another study shows; the bytes freed.

    Raises:
        JobError: ``run_active``, ``run_needed``.
        StoreError: ``study_unknown``.
    """
    store.study(study_id)
    mine = [row.id for row in store.runs(study=study_id)]
    shared = {run_id: [s for s in store.studies_of(run_id) if s != study_id] for run_id in mine}
    freed = _delete_runs(store, [run_id for run_id in mine if not shared[run_id]])
    with store.db.write() as db:
        for run_id, others in shared.items():
            if others and store.run(run_id).study == study_id:
                entry = run_file(db, run_id).run
                db.execute("UPDATE runs SET study = ? WHERE id = ?", [others[0], run_id])
                _adopt(store, others[0], entry)
        db.execute("DELETE FROM studies WHERE id = ?", [study_id])
        remove(store.home.study(study_id))
    return freed


def _adopt(store: Store, study_id: str, entry: RunEntry) -> None:
    """Keep a shared run's entry in the file of another study that shows it."""
    path = store.home.study(study_id)
    study = read_study(path)
    write_study(path, study.change(runs=(*study.runs, entry)))


def delete_dataset(store: Store, library: Library, name: str) -> int:
    """Remove a data set with all that was computed from it; the bytes freed.

    Records of finished runs stay: they say what they were trained on by hash.

    Raises:
        JobError: ``dataset_in_use`` by runs that are not over.
        DataError: As :meth:`Library.delete`.
    """
    rows = store.runs(dataset=name)
    using = [row.id for row in rows if row.status not in OVER]
    if using:
        raise JobError("dataset_in_use", dataset=name, n=len(using), runs=using[:10])
    freed = library.delete(name)
    return freed + sum(remove(item.path) for item in _data_caches(store, library))


def _delete_runs(store: Store, run_ids: Sequence[str]) -> int:
    doomed = set(run_ids)
    with store.db.write() as db:
        for run_id in run_ids:
            status, key = db.execute(
                "SELECT status, key FROM runs WHERE id = ?", [run_id]
            ).fetchone()
            if status == "running":
                raise JobError("run_active", run=key)
            for child, child_key in db.execute(
                "SELECT r.id, r.key FROM needs n JOIN runs r ON r.id = n.run"
                " WHERE n.parent = ? AND r.status != 'finished'",
                [run_id],
            ).fetchall():
                if child not in doomed:
                    raise JobError("run_needed", run=key, by=child_key)
        studies = {study for run_id in run_ids for study in store.studies_of(run_id)}
        for run_id in run_ids:
            db.execute("DELETE FROM runs WHERE id = ?", [run_id])
        for study in studies:
            _forget(store, study, doomed)
    # Files last: what is left over after a crash here is found by gc.
    freed = sum(remove(store.home.where(run_id)) for run_id in run_ids)
    freed += sum(remove(item.path) for item in _teacher_outputs(store))
    return freed


def _forget(store: Store, study_id: str, run_ids: set[str]) -> None:
    path = store.home.study(study_id)
    if path.exists():
        study = read_study(path)
        graph = {key: run_id for key, run_id in study.graph.items() if run_id not in run_ids}
        runs = tuple(run for run in study.runs if run.id not in run_ids)
        write_study(path, study.change(graph=graph, runs=runs))


def gc(store: Store, dry_run: bool = False) -> list[Garbage]:
    """Remove what nothing refers to.

    That is: folders of unknown runs, caches of deleted data and teachers, files left aside by a
    crash, and uploads that no run uses and logs once they are a week old.

    Args:
        store: The store.
        dry_run: Only tell.
    """
    library = Library(store.home.root)
    found = [*_run_folders(store), *_asides(store), *_data_caches(store, library)]
    found += [*_teacher_outputs(store), *_old_files(store)]
    unique = list({item.path: item for item in found}.values())
    if not dry_run:
        for item in unique:
            remove(item.path)
    return unique


def disk_usage(store: Store) -> dict[str, int]:
    """Bytes by kind, and what is ``free`` on that disk."""
    home = store.home
    unfinished = size_bytes(home.runs / ".work")
    used = {
        "datasets": size_bytes(home.datasets),
        "runs": size_bytes(home.runs) - unfinished,
        "unfinished": unfinished,
        "cache": size_bytes(home.cache),
        "uploads": size_bytes(home.uploads),
        "logs": size_bytes(home.logs),
        "store": sum(size_bytes(path) for path in home.root.glob("store*")),
    }
    return {**used, "free": shutil.disk_usage(home.root).free}


def _garbage(path: Path, reason: Reason) -> Garbage:
    return Garbage(path, size_bytes(path), reason)


def _run_folders(store: Store) -> Iterator[Garbage]:
    status = dict(store.db.rows("SELECT id, status FROM runs"))
    for path in store.home.runs.iterdir():
        if not path.name.startswith(".") and path.name not in status:
            yield _garbage(path, "run_unknown")
    for path in (store.home.runs / ".work").iterdir():
        # A finished run has no working folder; one of an unknown run may be about to be entered.
        known = path.name.removesuffix(".lock") in status
        if not path.name.startswith(".") and not known and _age_s(path) > STALE_S:
            yield _garbage(path, "run_unknown")


def _asides(store: Store) -> Iterator[Garbage]:
    home = store.home
    for folder in (home.runs, home.runs / ".work", home.studies, home.datasets, home.cache):
        for path in folder.iterdir():
            hidden = path.name.startswith(".") and path.name != ".work" and path.suffix != ".lock"
            if hidden and _age_s(path) > STALE_S:
                yield _garbage(path, "aside")


def _data_caches(store: Store, library: Library) -> Iterator[Garbage]:
    """Decoded images and teacher outputs of data sets that are no longer here."""
    known = set()
    for name in library.names():
        # A manifest that cannot be read is told where data sets are listed.
        with contextlib.suppress(KDLabError):
            known.add(library.info(name).hash)
    for path in (store.home.cache / "decoded").glob("*px-v*"):
        used = any(name.startswith(path.name.partition("-")[0]) for name in known)
        if not used and _age_s(path) > STALE_S:
            yield _garbage(path, "data_unknown")
    for path, key in _teacher_caches(store):
        if _data_of(key) not in known:
            yield _garbage(path, "data_unknown")


def _data_of(key: Mapping[str, Any]) -> str:
    """Hash of the data set; behind it may stand a split, or other images of the same study."""
    return str(key.get("data", "")).partition(" ")[0]


def _teacher_caches(
    store: Store, folder: str = TEACHER_OUTPUTS
) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Stored teacher outputs with what their ``key.json`` says that they were computed from."""
    for path in sorted(store.home.cache.glob(f"**/{folder}/*/key.json")):
        try:
            yield path.parent, dict(json.loads(path.read_text(encoding="utf-8")))
        except ValueError:
            yield path.parent, {}


def _teacher_outputs(store: Store) -> Iterator[Garbage]:
    """Outputs of teachers whose run is gone, and images that were made from them."""
    rows = store.db.rows(
        "SELECT m.network_sha256, json_extract(c.config, '$.data.data_hash')"
        " FROM models m JOIN configs c ON c.run = m.run"
    )
    known = {network for network, _ in rows}
    # A model without such a hash (a foreign file) may have taught anybody on the same data.
    unclear = {data for network, data in rows if not network}
    for path, key in _teacher_caches(store):
        # several teachers with one answer are no model of any run; each of them is
        gone = not set(key.get("members") or [key.get("teacher")]) <= known
        if gone and _data_of(key) not in unclear:
            yield _garbage(path, "teacher_unknown")
    for path, key in _teacher_caches(store, SYNTHETIC):
        if key.get("teacher") not in known and not unclear:
            yield _garbage(path, "teacher_unknown")


def _old_files(store: Store) -> Iterator[Garbage]:
    used = {  # starting weights of the network, and of whatever learns beside it or teaches it
        row[0]
        for row in store.db.rows(
            "SELECT DISTINCT value FROM configs, json_tree(config) WHERE json_tree.key = 'source'"
        )
    }
    for path in store.home.uploads.iterdir():
        if path.name not in used and _age_s(path) > OLD_S:
            yield _garbage(path, "upload")
    for path in store.home.logs.iterdir():
        if _age_s(path) > OLD_S:
            yield _garbage(path, "log")


def _age_s(path: Path) -> float:
    return time.time() - path.lstat().st_mtime
