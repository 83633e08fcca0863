"""The queue as a runner sees it: take a run, keep it, report on it, give it back.

A runner *claims* a run and so holds a lease, which it renews while its worker lives. Only the
holder writes the run's state, so a runner that was asleep cannot overwrite what its successor
does; a lease that ran out becomes ``interrupted``.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from kd_core.errors import JobError, KDLabError, StoreError
from kd_core.events import Event, Failed, Finished, Progress, Started, Stopped
from kd_core.study.entries import RunFile, run_file
from kd_core.study.eventlog import EVENTS, read_events
from kd_core.study.needs import settle
from kd_core.study.order import fair_order, is_short
from kd_core.study.records import RECORD, RunRecord
from kd_core.study.rows import QueuedRun, Status
from kd_core.study.store import Store, index_record
from kd_core.study.submit import Limits

_ANY_DEVICE = ("auto", "cuda")
_TAKE = """
    UPDATE runs SET status = 'running', holder = ?, lease_until = ?, claimed = ?, place = ?,
        attempt = attempt + 1, request = NULL, error = NULL, ended = NULL, stage = NULL,
        done = NULL, total = NULL, left_s = NULL
    WHERE id = ?
"""


@dataclass(frozen=True)
class Claim:
    """A run that a runner has taken.

    Attributes:
        file: What its worker must know of run and study.
        parents: Ids of the runs that it needs, by need name.
        device: The slot's device where the run left the choice open, else ``""``.
        short: Whether its worker may carry out further short runs after it.
    """

    file: RunFile
    parents: dict[str, str]
    device: str
    short: bool = False


class Claims:
    """What one runner holds.

    Args:
        store: The store.
        holder: The runner's name, different for every process.
        lease_s: How long a claim holds without being renewed.
        limits: Else those of the environment.
    """

    def __init__(
        self, store: Store, holder: str, lease_s: float = 15.0, limits: Limits | None = None
    ) -> None:
        self.store = store
        self.holder = holder
        self.lease_s = lease_s
        self.limits = limits or Limits.from_environment()

    def announce(self, info: dict[str, Any]) -> None:
        """Say who drives the queue; pages show it."""
        value = json.dumps({**info, "holder": self.holder, "at": time.time()})
        with self.store.db.write() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES ('runner', ?)", [value])

    def next(
        self, device: str, devices: Collection[str], *, short_only: bool = False
    ) -> Claim | None:
        """Take the next run for a slot; ``None`` when there is none.

        A run that names a device goes to that device's slot; if no slot has that device, to any
        slot, where its worker says what is wrong. A run whose parent was lost fails here.

        Args:
            device: The slot's device, or ``auto``.
            devices: Devices of all slots.
            short_only: Leave all runs that are not short.
        """
        if not self.store.db.rows("SELECT 1 FROM runs WHERE status = 'queued' LIMIT 1"):
            return None
        with self.store.db.write() as db:
            served = owners_served(db)
            most = self.limits.max_running
            full = {owner for owner, (n, _) in served.items() if owner and n >= most > 0}
            ready = [
                QueuedRun(run_id, owner, position)
                for run_id, owner, position, wanted, threads, expected_s in db.execute(
                    "SELECT id, owner, position, device, threads, expected_s FROM runs"
                    " WHERE status = 'queued'"
                )
                if owner not in full
                and (wanted in (*_ANY_DEVICE, device) or wanted not in devices)
                and (not short_only or is_short(wanted, threads, expected_s))
            ]
            order = fair_order(ready, served)
            return self._take(db, order[0], device) if order else None

    def _take(self, db: sqlite3.Connection, run_id: str, device: str) -> Claim | None:
        file = run_file(db, run_id)
        parents = dict(db.execute("SELECT name, parent FROM needs WHERE run = ?", [run_id]))
        lost = sorted(set(file.run.settings.needs) - set(parents))
        now = time.time()
        if lost:
            error = StoreError("need_missing", needs=lost)
            end_run(db, run_id, "failed", now, error.to_json())
            settle(db)
            return None
        open_choice = file.run.settings.compute.device in _ANY_DEVICE and device != "auto"
        place = device if open_choice else None
        db.execute(_TAKE, [self.holder, now + self.lease_s, now, place, run_id])
        run = file.run
        compute = run.settings.compute
        short = not run.plugins and is_short(compute.device, compute.threads, run.expected_s)
        return Claim(file, parents, place or "", short)

    def renew(self, run_id: str) -> None:
        """Renew the lease on a run that this runner holds."""
        self._set(run_id, {"lease_until": "?"}, {"lease_until": time.time() + self.lease_s})

    def requested(self, run_id: str) -> tuple[str, float] | None:
        """What a running run is asked to do, and since when."""
        rows = self.store.db.rows(
            "SELECT request, requested FROM runs WHERE id = ? AND request IS NOT NULL", [run_id]
        )
        return rows[0] if rows else None  # type: ignore[return-value]

    def expire(self) -> list[str]:
        """Take over other runners' leases that ran out, as ``interrupted``; the runs' ids.

        A run whose folder is in place all the same had finished, and is recorded as such. This
        runner's own leases are left alone: its threads know whether their workers live.
        """
        with self.store.db.write() as db:
            rows = db.execute(
                "UPDATE runs SET holder = ? WHERE status = 'running' AND lease_until < ?"
                " AND holder != ? RETURNING id",
                [self.holder, time.time(), self.holder],
            ).fetchall()
        for (run_id,) in rows:
            self.lost(run_id, JobError("runner_lost"))
        return [run_id for (run_id,) in rows]

    def record(self, run_id: str, event: Event) -> None:
        """Enter what a run reports; events that change no column are only in its folder.

        Raises:
            StoreError: ``record_missing`` or ``record_unreadable`` after ``Finished``.
        """
        if isinstance(event, Finished):
            self.finish(run_id, event.at)
        elif isinstance(event, Stopped):
            self.end(run_id, event.reason, event.at)
        elif isinstance(event, Failed):
            self.end(run_id, "failed", event.at, event.error)
        elif isinstance(event, Started):
            changes = {"started": event.at, "place": event.device}
            self._set(run_id, {name: f"COALESCE({name}, ?)" for name in changes}, changes)
        elif isinstance(event, Progress):
            names = ("stage", "done", "total", "left_s")
            values = {name: getattr(event, name) for name in names}
            self._set(run_id, dict.fromkeys(names, "?"), values)

    def _set(self, run_id: str, terms: dict[str, str], values: dict[str, Any]) -> None:
        changes = ", ".join(f"{name} = {term}" for name, term in terms.items())
        with self.store.db.write() as db:
            sql = f"UPDATE runs SET {changes} WHERE id = ? AND holder = ?"
            db.execute(sql, [*values.values(), run_id, self.holder])

    def finish(self, run_id: str, at: float | None) -> None:
        """Enter a run's record, models and measurements from its folder.

        Raises:
            StoreError: ``record_missing``, ``record_unreadable``.
        """
        record = RunRecord.read(self.store.home.run(run_id))
        with self.store.db.write() as db:
            if not self._mine(db, run_id):
                return
            end_run(db, run_id, "finished", at)
            index_record(db, record, self.store.home.run(run_id))
            settle(db)

    def end(
        self, run_id: str, status: Status, at: float | None, error: dict[str, Any] | None = None
    ) -> None:
        """End a run that this runner holds, otherwise than by finishing."""
        with self.store.db.write() as db:
            if self._mine(db, run_id):
                end_run(db, run_id, status, at, error)
                settle(db)

    def lost(self, run_id: str, error: KDLabError) -> None:
        """A run's worker is gone without a word: ``interrupted``, or finished after all."""
        if (self.store.home.run(run_id) / RECORD).is_file():
            self.finish(run_id, last_sign(self.store, run_id))
        else:
            self.end(run_id, "interrupted", last_sign(self.store, run_id), error.to_json())

    def give_back(self, run_id: str) -> None:
        """Put a run back where it was in the queue; its checkpoint stays."""
        with self.store.db.write() as db:
            if self._mine(db, run_id):
                db.execute(
                    "UPDATE runs SET status = 'queued', holder = NULL, lease_until = NULL,"
                    " left_s = NULL WHERE id = ?",
                    [run_id],
                )
                settle(db)

    def _mine(self, db: sqlite3.Connection, run_id: str) -> bool:
        sql = "SELECT 1 FROM runs WHERE id = ? AND holder = ? AND status = 'running'"
        return db.execute(sql, [run_id, self.holder]).fetchone() is not None


def end_run(
    db: sqlite3.Connection,
    run_id: str,
    status: Status,
    at: float | None,
    error: dict[str, Any] | None = None,
) -> None:
    """Write how a run ended; nobody holds it any more."""
    db.execute(
        "UPDATE runs SET status = ?, ended = ?, error = ?, request = NULL, holder = NULL,"
        " lease_until = NULL, left_s = NULL WHERE id = ?",
        [status, at, json.dumps(error) if error else None, run_id],
    )


def owners_served(db: sqlite3.Connection) -> dict[str, tuple[int, float]]:
    """For each owner how many runs run now, and when one was last taken."""
    rows = db.execute(
        "SELECT owner, TOTAL(status = 'running'), MAX(claimed) FROM runs"
        " WHERE claimed IS NOT NULL GROUP BY owner"
    )
    return {owner: (int(running), claimed) for owner, running, claimed in rows}


def last_sign(store: Store, run_id: str) -> float | None:
    """When a run last reported anything; ``None`` when it never did."""
    events = read_events(store.folder(run_id) / EVENTS).events
    return events[-1].at if events else None
