"""How a run stands, read from its folder alone."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from pydantic import ValidationError

from kd_core.errors import JobError, KDLabError
from kd_core.events import Event, Failed, Progress, Started, Stopped, from_line
from kd_core.study.claims import end_run
from kd_core.study.eventlog import EVENTS
from kd_core.study.folders import Home
from kd_core.study.records import RECORD, RunRecord
from kd_core.study.store import index_record

# Lines that say how a run stands; the many others need not be parsed.
_TELLING = (b'"type":"started"', b'"type":"stopped"', b'"type":"failed"', b'"type":"finished"')


def restore_state(db: sqlite3.Connection, home: Home, run_id: str) -> KDLabError | None:
    """Set a run's state, models and measurements from its folder; a run without one stays queued.

    Returns:
        Why a record that is in place cannot be read; the run is then ``failed``.
    """
    folder = home.where(run_id)
    events = _telling_events(folder / EVENTS)
    starts = [event for event in events if isinstance(event, Started)]
    if starts:
        db.execute(
            "UPDATE runs SET started = ?, claimed = ?, place = ?, attempt = ? WHERE id = ?",
            [starts[0].at, starts[-1].at, starts[-1].device, len(starts), run_id],
        )
    for event in events:
        if isinstance(event, Progress):
            values = [event.stage, event.done, event.total, run_id]
            db.execute("UPDATE runs SET stage = ?, done = ?, total = ? WHERE id = ?", values)
    last_at = events[-1].at if events else None
    if (folder / RECORD).is_file() and folder == home.run(run_id):
        try:
            record = RunRecord.read(folder)
            end_run(db, run_id, "finished", last_at)
            index_record(db, record, folder)
        except KDLabError as error:
            end_run(db, run_id, "failed", last_at, error.to_json())
            return error
        return None
    ends = [event for event in events if isinstance(event, Started | Stopped | Failed)]
    if ends and isinstance(ends[-1], Failed):
        end_run(db, run_id, "failed", ends[-1].at, ends[-1].error)
    elif ends and isinstance(ends[-1], Stopped):
        end_run(db, run_id, ends[-1].reason, ends[-1].at)
    elif events:
        end_run(db, run_id, "interrupted", last_at, JobError("runner_lost").to_json())
    return None


def _telling_events(path: Path) -> list[Event]:
    """Started, stopped, failed and finished events, the last progress, and the last of all."""
    if not path.is_file():
        return []
    lines = path.read_bytes().splitlines()
    keep = [i for i, line in enumerate(lines) if any(mark in line for mark in _TELLING)]
    progress = [i for i, line in enumerate(lines) if b'"type":"progress"' in line]
    events = []
    for index in sorted({*keep, *progress[-1:], *range(len(lines))[-1:]}):
        # A line may have been cut short by a crash.
        with contextlib.suppress(ValidationError):
            events.append(from_line(lines[index]))
    return events
