"""The queue as anyone sees it: ask for a run to stop or go on, and see who is next.

What a runner does with the queue is in ``claims.py``.
"""

from __future__ import annotations

import json
import statistics
import time
from typing import Any, Literal

from kd_core.errors import JobError, StoreError
from kd_core.events import Stopped
from kd_core.study.claims import end_run, owners_served
from kd_core.study.eventlog import append_event
from kd_core.study.needs import settle
from kd_core.study.order import SHORT_S, expected_starts, fair_order
from kd_core.study.rows import RESUMABLE, Place, QueuedRun, Status
from kd_core.study.store import Store

Request = Literal["cancel", "pause", "resume"]

_RESUME = """
    UPDATE runs SET status = 'queued', error = NULL, request = NULL, ended = NULL, left_s = NULL
    WHERE id = ?
"""
_STOPPED: dict[Request, Literal["cancelled", "paused"]] = {"cancel": "cancelled", "pause": "paused"}
# What can be stopped although no worker has it; a cancelled run has nothing left to cancel.
_IDLE: dict[Request, tuple[Status, ...]] = {
    "cancel": ("queued", "waiting", "blocked", "paused", "interrupted"),
    "pause": ("queued", "waiting"),
}


class Queue:
    """The queue of one store; the same for the process that runs it and for all others."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def request(self, run_id: str, what: Request) -> Status:
        """Ask for a run to be cancelled, paused or resumed; its status afterwards.

        A running run obeys at its next step, so its status changes later; all others change now.

        Raises:
            JobError: ``request_impossible`` in the run's present state.
            StoreError: ``run_unknown``.
        """
        with self.store.db.write() as db:
            row = db.execute("SELECT status FROM runs WHERE id = ?", [run_id]).fetchone()
            if row is None:
                raise StoreError("run_unknown", run=run_id)
            status: Status = row[0]
            if what == "resume" and status in RESUMABLE:
                db.execute(_RESUME, [run_id])
            elif what != "resume" and status == "running":
                sql = "UPDATE runs SET request = ?, requested = ? WHERE id = ?"
                db.execute(sql, [what, time.time(), run_id])
            elif status in _IDLE.get(what, ()):
                # Also into the folder: a rebuild must find it.
                event = Stopped(reason=_STOPPED[what])
                append_event(self.store.home.work(run_id), event)
                end_run(db, run_id, event.reason, event.at)
            else:
                state = {"id": f"status.{status}", "params": {}}
                raise JobError("request_impossible", run=run_id, state=state)
            settle(db)
        return self.store.run(run_id).status

    def request_study(self, study_id: str, what: Request) -> int:
        """Ask the same of all runs of a study that can still obey; how many there were.

        Runs that another study made, and this one reuses, are left alone.
        """
        changed = 0
        for row in self.store.runs(study=study_id):
            possible = RESUMABLE if what == "resume" else (*_IDLE[what], "running")
            if row.study == study_id and self.store.run(row.id).status in possible:
                self.request(row.id, what)
                changed += 1
        return changed

    def places(self) -> dict[str, Place]:
        """Position and expected start of each run that waits, by id, next first."""
        running = self._running()
        waiting = self._waiting()
        with self.store.db.connection() as db:
            served = owners_served(db)
        order = fair_order(waiting, served, running)
        runner = self.runner()
        slots = len(runner.get("slots", [])) or 1
        if all(run.expected_s is not None and run.expected_s <= SHORT_S for run in waiting):
            slots += runner.get("short", 0)
        starts = expected_starts(order, {run.id: run for run in waiting}, running, slots)
        return {run_id: Place(i + 1, starts[run_id]) for i, run_id in enumerate(order)}

    def runner(self) -> dict[str, Any]:
        """Which process drives the queue, its ``slots``, and when it last said so (``at``)."""
        rows = self.store.db.rows("SELECT value FROM meta WHERE key = 'runner'")
        return dict(json.loads(rows[0][0])) if rows else {}

    def _running(self) -> dict[str, float | None]:
        rows = self.store.db.rows("SELECT id, left_s FROM runs WHERE status = 'running'")
        return dict(rows)

    def _waiting(self) -> list[QueuedRun]:
        needs: dict[str, set[str]] = {}
        for run_id, parent in self.store.db.rows(
            "SELECT n.run, n.parent FROM runs r JOIN needs n ON n.run = r.id"
            " JOIN runs p ON p.id = n.parent WHERE r.status = 'waiting' AND p.status != 'finished'"
        ):
            needs.setdefault(run_id, set()).add(parent)
        usual = self._usual_s()
        return [
            QueuedRun(
                run_id,
                owner,
                position,
                frozenset(needs.get(run_id, ())),
                usual.get((role, dataset, model)) if expected_s is None else expected_s,
            )
            for run_id, owner, position, role, dataset, model, expected_s in self.store.db.rows(
                "SELECT id, owner, position, role, dataset, model, expected_s FROM runs"
                " WHERE status IN ('queued', 'waiting')"
            )
        ]

    def _usual_s(self) -> dict[tuple[str, str, str], float]:
        # Median of what recent runs of the same kind took; a guess, and shown as such.
        took: dict[tuple[str, str, str], list[float]] = {}
        for role, dataset, model, seconds in self.store.db.rows(
            "SELECT role, dataset, model, ended - claimed FROM runs WHERE status = 'finished'"
            " AND claimed IS NOT NULL ORDER BY position DESC LIMIT 200"
        ):
            took.setdefault((role, dataset, model), []).append(seconds)
        return {kind: statistics.median(values) for kind, values in took.items()}
