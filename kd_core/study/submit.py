"""A study's settings become queued runs: checked, hashed, then written at once."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Self

from pydantic import Field

from kd_core.config import RunSettings, Settings, StudySettings
from kd_core.errors import ConfigError, JobError
from kd_core.study.entries import (
    Parent,
    RunEntry,
    StudyEntry,
    insert_member,
    insert_run,
    insert_study,
    link_needs,
    read_study,
    write_study,
)
from kd_core.study.graph import RUN_PREFIX, config_hashes, expand
from kd_core.study.needs import settle
from kd_core.study.rights import of_class
from kd_core.study.rows import RunRow
from kd_core.study.store import Store


class Limits(Settings):
    """How much one visitor may have at a time; 0 is no limit.

    The owner ``""`` is whoever uses the command line on the machine itself, and has no limit.

    Attributes:
        max_queued: Runs that wait or run (``KDLAB_MAX_QUEUED``).
        max_running: Runs that run at once (``KDLAB_MAX_RUNNING``).
        class_queued: Runs of a visitor of a class that wait or run (``KDLAB_CLASS_QUEUED``).
        class_run_s: Seconds that one of them may run at a stretch (``KDLAB_CLASS_RUN_S``).
    """

    max_queued: int = Field(default=200, ge=0)
    max_running: int = Field(default=0, ge=0)
    class_queued: int = Field(default=12, ge=0)
    class_run_s: float = Field(default=900.0, ge=0)

    @classmethod
    def from_environment(cls) -> Self:
        """Limits as the environment says.

        Raises:
            ConfigError: ``config_value`` for what is not a number from 0 on.
        """
        names = {
            "max_queued": "KDLAB_MAX_QUEUED",
            "max_running": "KDLAB_MAX_RUNNING",
            "class_queued": "KDLAB_CLASS_QUEUED",
            "class_run_s": "KDLAB_CLASS_RUN_S",
        }
        return cls.from_json({k: os.environ[env] for k, env in names.items() if env in os.environ})

    def queued(self, owner: str) -> int:
        """How many runs an owner may have in the queue; 0 is no limit."""
        if not owner:
            return 0
        bounds = [self.max_queued, self.class_queued if of_class(owner) else 0]
        return min([bound for bound in bounds if bound], default=0)

    def run_s(self, owner: str) -> float:
        """Seconds that a run of an owner may take at a stretch; 0 is no limit."""
        return self.class_run_s if of_class(owner) else 0.0


def new_id(prefix: str) -> str:
    """A random id: nobody opens another visitor's run by counting."""
    return prefix + secrets.token_hex(6)


def equal_runs(store: Store, study: StudySettings) -> dict[str, RunRow]:
    """Finished runs that equal runs of this study, by graph key: what reuse would save.

    Raises:
        StoreError: ``run_unknown`` when the study starts from a run that is not here.
    """
    graph = expand(study)
    hashes = config_hashes(graph, outside_hashes(store, graph))
    found = {key: store.find_equal(value) for key, value in hashes.items()}
    return {key: row for key, row in found.items() if row is not None}


def submit(
    store: Store,
    study: StudySettings,
    owner: str = "",
    *,
    runs: Sequence[RunSettings] | None = None,
    reuse: bool = False,
    shared: Mapping[str, str] | None = None,
    expected_s: Mapping[str, float] | None = None,
    plugins: Sequence[str] = (),
    limits: Limits | None = None,
) -> str:
    """Queue a study's runs, all or none; the study's id.

    Args:
        store: Where.
        study: What; without ``data.data_hash`` runs are neither tied to their data nor reused.
        owner: Visitor id; ``""`` for the command line.
        runs: The graph, parents first; else that of :func:`~kd_core.study.graph.expand`.
        reuse: Show equal finished runs in this study instead of running them again.
        shared: Ids of runs of other studies that are shown in this one, finished or not, by key; a
            run whose configuration is another is left alone.
        expected_s: Estimated seconds of runs by key, for the queue's expected starts.
        plugins: Files that the worker loads first; never from a browser.
        limits: Else those of the environment.

    Raises:
        ConfigError: ``need_unknown`` when a run needs one that does not come before it, and what
            is wrong with a chain.
        DataError: As :func:`kd_core.study.externals.check_externals`.
        JobError: ``visitor_limit``.
        StoreError: ``run_unknown``, ``disk_full``, ``store_locked``.
    """
    graph = expand(study) if runs is None else tuple(runs)
    _check_needs(graph)
    _check_chains(store, graph)
    _check_externals(store, study)
    outside = outside_hashes(store, graph)
    hashes = config_hashes(graph, outside)
    equal = {key: store.find_equal(value) for key, value in hashes.items()} if reuse else {}
    kept = {key: row.id for key, row in equal.items() if row and study.data.data_hash}
    kept |= {k: r for k, r in (shared or {}).items() if store.run(r).config_hash == hashes.get(k)}
    ids = {run.key: kept.get(run.key) or new_id("r") for run in graph}
    hashes |= {RUN_PREFIX + run: value for run, value in outside.items()}
    entry = StudyEntry(
        id=new_id("s"),
        name=study.name,
        owner=owner,
        created=time.time(),
        data_hash=study.data.data_hash,
        metric=study.train.select_metric,
        settings=study,
        graph=ids,
    )
    new = [_entry(run, ids, hashes, entry) for run in graph if run.key not in kept]
    with store.db.write() as db:
        _check_limit(db, owner, len(new), limits or Limits.from_environment())
        first = db.execute("SELECT COALESCE(MAX(position), 0) + 1 FROM runs").fetchone()[0]
        expected = expected_s or {}
        placed = [
            run.change(position=first + i, expected_s=expected.get(run.key), plugins=tuple(plugins))
            for i, run in enumerate(new)
        ]
        entry = entry.change(runs=tuple(placed))
        enter(db, entry)
        write_study(store.home.study(entry.id), entry)
    return entry.id


def extend(
    store: Store,
    study_id: str,
    runs: Sequence[RunSettings],
    owner: str = "",
    limits: Limits | None = None,
) -> tuple[str, ...]:
    """Queue further runs of a study that is there already, such as an analysis; their ids.

    Their needs are finished runs, named by id; their keys are new in the study.

    Raises:
        ConfigError: ``need_unknown``.
        JobError: ``visitor_limit``.
        StoreError: ``study_unknown``, ``run_unknown``, ``disk_full``, ``store_locked``.
    """
    _check_needs(runs)
    outside = outside_hashes(store, runs)
    hashes = config_hashes(runs, outside) | {RUN_PREFIX + k: v for k, v in outside.items()}
    store.study(study_id)
    path = store.home.study(study_id)
    with store.db.write() as db:
        _check_limit(db, owner, len(runs), limits or Limits.from_environment())
        first = db.execute("SELECT COALESCE(MAX(position), 0) + 1 FROM runs").fetchone()[0]
        study = read_study(path).change(owner=owner, created=time.time())
        ids = {run.key: new_id("r") for run in runs}
        new = [
            _entry(run, ids, hashes, study).change(position=first + i) for i, run in enumerate(runs)
        ]
        for run in new:
            insert_run(db, study_id, run, "queued")
            link_needs(db, run)
            insert_member(db, study_id, run.key, run.id)
        settle(db)
        kept = read_study(path)
        write_study(path, kept.change(graph={**kept.graph, **ids}, runs=(*kept.runs, *new)))
    return tuple(ids.values())


def _entry(
    run: RunSettings, ids: Mapping[str, str], hashes: Mapping[str, str], study: StudyEntry
) -> RunEntry:
    parents = {
        name: Parent(run=ids.get(key, key.removeprefix(RUN_PREFIX)), config_hash=hashes[key])
        for name, key in run.needs.items()
    }
    return RunEntry(
        id=ids[run.key],
        key=run.key,
        owner=study.owner,
        created=study.created,
        settings=run,
        config_hash=hashes[run.key],
        parents=parents,
    )


def enter(db: sqlite3.Connection, entry: StudyEntry) -> None:
    """Enter a new study with its runs, ready or waiting for what they need."""
    insert_study(db, entry)
    for run in entry.runs:
        insert_run(db, entry.id, run, "queued")
    for run in entry.runs:
        link_needs(db, run)
    for key, run_id in entry.graph.items():
        insert_member(db, entry.id, key, run_id)
    settle(db)


def outside_hashes(store: Store, graph: Sequence[RunSettings]) -> dict[str, str]:
    """Config hashes of the runs outside a graph that it starts from, by run id.

    Raises:
        StoreError: ``run_unknown``.
    """
    needs = {need for run in graph for need in run.needs.values() if need.startswith(RUN_PREFIX)}
    ids = [need.removeprefix(RUN_PREFIX) for need in needs]
    return {run_id: store.run(run_id).config_hash for run_id in ids}


def _check_needs(graph: Sequence[RunSettings]) -> None:
    known: set[str] = set()
    for run in graph:
        for need in run.needs.values():
            if need not in known and not need.startswith(RUN_PREFIX):
                raise ConfigError("need_unknown", run=run.key, need=need)
        known.add(run.key)


def _check_chains(store: Store, graph: Sequence[RunSettings]) -> None:
    """Raise what is wrong with a chain, once each, before anything is queued."""
    by_key = {run.key: run for run in graph}
    chains = {run.chain.name: run for run in graph if run.chain is not None}
    if not chains:
        return
    # Imported here: a study without chains should not wait for torch.
    from kd_core.compress.check import check_chain
    from kd_core.study.model_files import last_model, network_file

    for run in chains.values():
        assert run.chain is not None
        origin = run.needs["origin"]
        if origin in by_key:
            has_network = by_key[origin].role != "imported"
        else:
            folder = store.folder(store.run(origin.removeprefix(RUN_PREFIX)).id)
            has_network = network_file(folder, last_model(folder))[1]
        check_chain(run.chain, has_network=has_network)


def _check_externals(store: Store, study: StudySettings) -> None:
    """Raise what keeps an external set from testing this study, before anything is queued."""
    if study.data.external:
        # Imported here: a study without external sets should not wait for torch.
        from kd_core.data.library import Library
        from kd_core.study.externals import check_externals

        check_externals(Library(store.home.root), study.data)


def _check_limit(db: sqlite3.Connection, owner: str, new: int, limits: Limits) -> None:
    limit = limits.queued(owner)
    if not limit:
        return
    # A paused run keeps its place: else one could pause all and queue as many again.
    held = "('queued', 'waiting', 'running', 'paused')"
    sql = f"SELECT COUNT(*) FROM runs WHERE owner = ? AND status IN {held}"
    active = db.execute(sql, [owner]).fetchone()[0]
    if active + new > limit:
        raise JobError("visitor_limit", active=active, new=new, limit=limit)
