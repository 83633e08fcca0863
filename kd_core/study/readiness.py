"""The evening before a class: is this machine ready, and what is missing?

    check(store, people=30, upload_bytes=…)     findings, the worst first

Nothing is changed. What lessons need beside a finished study is checked by whoever makes it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

from kd_core.data.disk import free_bytes
from kd_core.study.model_files import network_file
from kd_core.study.results import results
from kd_core.study.rows import ACTIVE, StudyRow
from kd_core.study.store import Store
from kd_core.text import Msg

PROCESS_BYTES = 1_000_000_000
"""What the server, a worker and the spare worker need each; measured, 0.9 GB with torch loaded."""

PROCESSES = 3
RESERVE_BYTES = 2_000_000_000
ROLES = ("teacher", "baseline", "student")


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        ok: Whether it is as a class needs it.
        msg: What was found, and what to do where it is not.
    """

    ok: bool
    msg: Msg


def check(store: Store, people: int, upload_bytes: int, study: str = "") -> list[Finding]:
    """What a class needs of this machine and of its study; what is wrong comes first.

    Args:
        store: The store that will be served.
        people: How many may come in.
        upload_bytes: What each may keep on the disk.
        study: The class's study; the newest finished one when empty.

    Raises:
        StoreError: ``study_unknown``.
    """
    found = [_cores(), _memory(), _disk(store, people * upload_bytes), _queue(store)]
    found += _study(store, study)
    return sorted(found, key=lambda finding: finding.ok)


def _cores() -> Finding:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    n = cores or 1
    return Finding(n > 1, Msg("readiness.cores" if n > 1 else "readiness.one_core", {"n": n}))


def _memory() -> Finding:
    free, need = psutil.virtual_memory().available, PROCESSES * PROCESS_BYTES
    name = "readiness.memory" if free >= need else "readiness.memory_short"
    return Finding(free >= need, Msg(name, {"free": free, "need": need}))


def _disk(store: Store, uploads: int) -> Finding:
    free, need = free_bytes(store.home.root), uploads + RESERVE_BYTES
    name = "readiness.disk" if free >= need else "readiness.disk_short"
    return Finding(free >= need, Msg(name, {"free": free, "need": need}))


def _queue(store: Store) -> Finding:
    n = len(store.runs(status=ACTIVE))
    return Finding(not n, Msg("readiness.queue_busy" if n else "readiness.queue", {"n": n}))


def _study(store: Store, wanted: str) -> Iterator[Finding]:
    """Whether the study has what is explained with it: three kinds of models with networks."""
    known = [row for row in store.studies() if row.finished]
    if not wanted and not known:
        yield Finding(False, Msg("readiness.no_study"))
        return
    row: StudyRow = store.study(wanted) if wanted else known[0]
    models = list(results(store, row.id))
    yield Finding(bool(models), Msg("readiness.study", {"name": row.name, "models": len(models)}))
    for role in ROLES:
        of_role = [result for result in models if result.model.role == role]
        with_network = [r for r in of_role if network_file(r.folder, r.model.name)[1]]
        name = "readiness.role" if with_network else "readiness.role_missing"
        params = {"role": Msg(f"role.{role}"), "n": len(with_network)}
        yield Finding(bool(with_network), Msg(name, params))
