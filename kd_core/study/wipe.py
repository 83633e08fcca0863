"""After the class: remove what its visitors made and brought, and forget who they were."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from kd_core.data.library import Library
from kd_core.errors import DataError, JobError, StoreError
from kd_core.latency.own_devices import delete_device, own_devices, owner_of
from kd_core.study.cleanup import delete_dataset, delete_run, delete_study
from kd_core.study.folders import remove
from kd_core.study.people import People
from kd_core.study.queue import Queue
from kd_core.study.rights import VISITOR, of_class
from kd_core.study.rows import ACTIVE, RunRow
from kd_core.study.store import Store

INCOMING = "incoming"
"""Folder of the cache where uploads wait until they are added."""

WAIT_S = 60.0
"""How long running runs may take to stop."""


@dataclass(frozen=True)
class Wiped:
    """What a wipe removed."""

    people: int
    studies: int
    runs: int
    datasets: int
    files: int
    devices: int
    freed_bytes: int


def wipe(store: Store, people: People, wait_s: float = WAIT_S) -> Wiped:
    """Remove all runs and uploads of a class's visitors, then the people themselves.

    What the teacher made stays, but a run that a visitor made goes, also where a study of the
    teacher's has used it again. Running runs are stopped first; the runner obeys within a step.

    Raises:
        JobError: ``run_active`` where a run did not stop in time, ``dataset_in_use`` by a run of
            somebody else, ``run_needed`` by one.
    """
    runs = _theirs(store)
    _stop(store, runs, wait_s)
    studies = [study for study in store.studies() if of_class(study.owner)]
    freed = sum(delete_study(store, study.id) for study in studies)
    # Newest first: what a run was made from goes after it.
    for run in _theirs(store):
        freed += delete_run(store, run.id)
    root = store.home.root
    library = Library(root)
    datasets = files = 0
    for upload in people.uploads():
        if upload.kind == "dataset":
            with contextlib.suppress(DataError):  # deleted by its owner meanwhile
                freed += delete_dataset(store, library, upload.name)
                datasets += 1
        else:
            size = remove(store.home.uploads / upload.name)
            freed += size
            files += size > 0
    for folder in (store.home.cache / INCOMING).glob(f"{VISITOR}*"):
        freed += remove(folder)
    devices = [name for name in own_devices(root) if of_class(owner_of(root, name))]
    for name in devices:
        delete_device(root, name)
    return Wiped(people.wipe(), len(studies), len(runs), datasets, files, len(devices), freed)


def _theirs(store: Store) -> list[RunRow]:
    return [run for run in store.runs() if of_class(run.owner)]


def _stop(store: Store, runs: list[RunRow], wait_s: float) -> None:
    queue = Queue(store)
    for run in runs:
        if run.status in (*ACTIVE, "blocked", "paused", "interrupted"):
            with contextlib.suppress(JobError, StoreError):  # it ended meanwhile
                queue.request(run.id, "cancel")
    until = time.monotonic() + wait_s
    while (left := [run for run in _theirs(store) if run.status in ACTIVE]) and wait_s:
        if time.monotonic() > until:
            raise JobError("run_active", run=left[0].key)
        time.sleep(0.2)
