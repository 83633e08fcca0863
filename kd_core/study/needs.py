"""What runs need decides whether they wait: one rule, applied after every change of a status.

queued   ⇄ waiting   a need is not finished
waiting  ⇄ blocked   a need failed, was cancelled or is itself blocked
"""

from __future__ import annotations

import json
import sqlite3

from kd_core.errors import JobError
from kd_core.text import Msg

_DEAD = "('failed', 'cancelled', 'blocked')"
_BLOCK = f"""
    SELECT r.id, p.key, p.status FROM runs r
    JOIN needs n ON n.run = r.id JOIN runs p ON p.id = n.parent
    WHERE r.status IN ('queued', 'waiting') AND p.status IN {_DEAD}
"""
_UNBLOCK = f"""
    UPDATE runs SET status = 'waiting', error = NULL WHERE status = 'blocked' AND NOT EXISTS (
        SELECT 1 FROM needs n JOIN runs p ON p.id = n.parent
        WHERE n.run = runs.id AND p.status IN {_DEAD})
"""
_OPEN = """
    SELECT 1 FROM needs n JOIN runs p ON p.id = n.parent
    WHERE n.run = runs.id AND p.status != 'finished'
"""
_WAIT = f"UPDATE runs SET status = 'waiting' WHERE status = 'queued' AND EXISTS ({_OPEN})"
_READY = f"UPDATE runs SET status = 'queued' WHERE status = 'waiting' AND NOT EXISTS ({_OPEN})"


def settle(db: sqlite3.Connection) -> None:
    """Bring queued, waiting and blocked runs in line with the runs that they need."""
    # A chain of runs is unblocked or blocked link by link.
    while db.execute(_UNBLOCK).rowcount:
        pass
    while dead := db.execute(_BLOCK).fetchall():
        for run_id, key, status in dead:
            state = Msg(f"status.{status}").to_json()
            error = json.dumps(JobError("need_failed", need=key, state=state).to_json())
            db.execute("UPDATE runs SET status='blocked', error=? WHERE id=?", [error, run_id])
    db.execute(_WAIT)
    db.execute(_READY)
