"""The store: an index over run folders, and the queue.

Folders are the truth (see ``folders.py`` and ``records.py``); the database makes thousands of runs
quick to list, and holds what has no folder yet. It can be rebuilt (``rebuild.py``). Submission is
in ``submit.py``, what changes while a run lives in ``queue.py``, deletion in ``cleanup.py``.

    store = Store()                       # KDLAB_HOME, created when missing
    study = submit(store, settings)       # runs are queued before anything starts
    store.runs(study=study)               # light rows
    store.models(study=study)             # validation scores, sizes
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from kd_core.config import RunSettings
from kd_core.errors import StoreError
from kd_core.study.database import BUSY_S, Database
from kd_core.study.eventlog import EVENTS, Events, read_events
from kd_core.study.folders import Home, disk_errors, network_filesystem, open_home
from kd_core.study.records import MEASUREMENTS, RunRecord, write_json
from kd_core.study.rescored import bring_up_to_date, current_scores, validation_file
from kd_core.study.rows import MeasurementRow, ModelRow, RunRow, Status, StudyRow, columns
from kd_core.study.schema import migrate

_STUDIES = """
    SELECT s.id, s.name, s.owner, s.data_hash, s.metric, s.created, s.test_opened_at,
        s.test_opened_runs, s.test_opened_by, s.settings, COUNT(r.id),
        TOTAL(r.status IN ('queued', 'waiting', 'running')), TOTAL(r.status = 'finished')
    FROM studies s LEFT JOIN members m ON m.study = s.id LEFT JOIN runs r ON r.id = m.run
"""


class Store:
    """Studies, runs, models and measurements of one home.

    Args:
        home: Folder; else ``KDLAB_HOME``, else the user's data folder.
        busy_s: Seconds to wait for another writer before the store counts as locked.

    Raises:
        StoreError: ``store_locked``, ``store_corrupt``, ``store_newer``, ``home_on_network``,
            ``home_not_writable``, ``disk_full``.
    """

    def __init__(self, home: Home | Path | str | None = None, busy_s: float = BUSY_S) -> None:
        self.home = home if isinstance(home, Home) else open_home(home)
        wal = network_filesystem(self.home.root) is None
        self.db = Database(self.home.store, wal=wal, busy_s=busy_s)
        migrate(self.db)
        bring_up_to_date(self.db, self.home)

    # --- studies -------------------------------------------------------------------------------

    def studies(self, owner: str | None = None) -> list[StudyRow]:
        """Studies, newest first."""
        where, args = ("WHERE s.owner = ?", [owner]) if owner is not None else ("", [])
        return self._study_rows(f"{where} GROUP BY s.id ORDER BY s.created DESC, s.id", args)

    def study(self, study_id: str) -> StudyRow:
        """One study.

        Raises:
            StoreError: ``study_unknown``.
        """
        found = self._study_rows("WHERE s.id = ? GROUP BY s.id", [study_id])
        if not found:
            raise StoreError("study_unknown", study=study_id)
        return found[0]

    def _study_rows(self, tail: str, args: Sequence[Any]) -> list[StudyRow]:
        rows = self.db.rows(_STUDIES + tail, args)
        return [StudyRow._make((*row[:11], int(row[11]), int(row[12]))) for row in rows]

    def open_test(self, study_id: str, by: str = "", chosen: Sequence[str] = ()) -> StudyRow:
        """Unseal a study's test results: once, for good, and on record; see ``seal.py``.

        Written into the study's file too, so that no rebuild can seal it again. A study that is
        open already stays as it was opened first.

        Raises:
            StoreError: ``study_unknown``, ``disk_full``.
        """
        row = self.study(study_id)
        if row.test_opened_at is not None:
            return row
        opened = {"at": time.time(), "runs": row.finished, "by": by, "chosen": list(chosen)}
        with self.db.write() as db:
            changed = db.execute(
                "UPDATE studies SET test_opened_at = ?, test_opened_runs = ?, test_opened_by = ?"
                " WHERE id = ? AND test_opened_at IS NULL",
                (opened["at"], opened["runs"], opened["by"], study_id),
            ).rowcount
            if changed:
                self.change_study_file(study_id, test_opened=opened)
        return self.study(study_id)

    def change_study_file(self, study_id: str, **changes: Any) -> None:
        """Write a study's file with other values; call it inside a transaction."""
        path = self.home.study(study_id)
        data = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        with disk_errors(path):
            write_json(path, {**data, **changes})

    # --- runs ----------------------------------------------------------------------------------

    def runs(
        self,
        study: str | None = None,
        owner: str | None = None,
        status: Sequence[Status] | None = None,
        dataset: str | None = None,
        limit: int = -1,
    ) -> list[RunRow]:
        """Runs, newest first; of a study in the order of its graph.

        A study's list includes the finished runs that it reuses from other studies.
        """
        source, where, args = "runs r", ["1"], []
        if study is not None:
            source = "members m JOIN runs r ON r.id = m.run"
            where.append("m.study = ?")
            args.append(study)
        for column, value in (("owner", owner), ("dataset", dataset)):
            if value is not None:
                where.append(f"r.{column} = ?")
                args.append(value)
        if status is not None:
            where.append(f"r.status IN ({', '.join('?' * len(status))})")
            args.extend(status)
        order = "r.position" if study is not None else "r.position DESC"
        sql = f"SELECT {columns(RunRow, 'r')} FROM {source} WHERE {' AND '.join(where)}"
        rows = self.db.rows(f"{sql} ORDER BY {order} LIMIT ?", [*args, limit])
        return [RunRow._make(row) for row in rows]

    def run(self, run_id: str) -> RunRow:
        """One run.

        Raises:
            StoreError: ``run_unknown``.
        """
        rows = self.db.rows(f"SELECT {columns(RunRow, 'r')} FROM runs r WHERE id = ?", [run_id])
        if not rows:
            raise StoreError("run_unknown", run=run_id)
        return RunRow._make(rows[0])

    def settings(self, run_id: str) -> RunSettings:
        """A run's frozen configuration.

        Raises:
            StoreError: ``run_unknown``.
        """
        rows = self.db.rows("SELECT config FROM configs WHERE run = ?", [run_id])
        if not rows:
            raise StoreError("run_unknown", run=run_id)
        return RunSettings.from_json(rows[0][0])

    def studies_of(self, run_id: str) -> list[str]:
        """Ids of the studies that show a run."""
        return [row[0] for row in self.db.rows("SELECT study FROM members WHERE run = ?", [run_id])]

    def parents(self, run_id: str) -> dict[str, str]:
        """Ids of the runs that a run was made from, by need name."""
        rows = self.db.rows("SELECT name, parent FROM needs WHERE run = ?", [run_id])
        return dict(rows)

    def find_equal(self, config_hash: str) -> RunRow | None:
        """The newest finished run with the same configuration, data and parents."""
        sql = f"SELECT {columns(RunRow, 'r')} FROM runs r WHERE config_hash = ?"
        rows = self.db.rows(f"{sql} AND status = 'finished' ORDER BY ended DESC", [config_hash])
        return RunRow._make(rows[0]) if rows else None

    def folder(self, run_id: str) -> Path:
        """A run's folder as it is now; a run that never started has none yet."""
        return self.home.where(run_id)

    def record(self, run_id: str) -> RunRecord:
        """The record of a finished run.

        Raises:
            StoreError: ``record_missing``, ``record_unreadable``.
        """
        return RunRecord.read(self.home.run(run_id))

    def events(self, run_id: str, after: int = 0) -> Events:
        """What a run reported since ``after``, live or finished.

        Args:
            run_id: The run.
            after: :attr:`Events.offset` of the last call; 0 for everything.
        """
        return read_events(self.folder(run_id) / EVENTS, after)

    # --- models and measurements ---------------------------------------------------------------

    def models(self, study: str | None = None, run: str | None = None) -> list[ModelRow]:
        """Models of finished runs, in the order of runs and chains."""
        source, where, args = "models m JOIN runs r ON r.id = m.run", ["1"], []
        if study is not None:
            source += " JOIN members ms ON ms.run = r.id"
            where.append("ms.study = ?")
            args.append(study)
        if run is not None:
            where.append("m.run = ?")
            args.append(run)
        sql = f"SELECT {columns(ModelRow, 'm')} FROM {source} WHERE {' AND '.join(where)}"
        order = "r.position, m.step, m.parent NOT NULL, m.name"  # a run's own before its others
        rows = self.db.rows(f"{sql} ORDER BY {order}", args)
        return [ModelRow._make(row) for row in rows]

    def measurements(
        self, study: str | None = None, run: str | None = None
    ) -> list[MeasurementRow]:
        """Measurements, oldest first."""
        source, where, args = "measurements m", ["1"], []
        if study is not None:
            source += " JOIN members ms ON ms.run = m.run"
            where.append("ms.study = ?")
            args.append(study)
        if run is not None:
            where.append("m.run = ?")
            args.append(run)
        sql = f"SELECT m.run, m.model, m.at, m.body FROM {source} WHERE {' AND '.join(where)}"
        rows = self.db.rows(f"{sql} ORDER BY m.at, m.run, m.id", args)
        return [MeasurementRow(run, model, at, json.loads(body)) for run, model, at, body in rows]

    def add_measurement(self, run_id: str, model: str, body: Mapping[str, Any]) -> None:
        """Add a measurement beside a finished record, in its folder and here.

        Raises:
            StoreError: ``run_unknown``, ``disk_full``.
        """
        path = self.home.run(self.run(run_id).id) / MEASUREMENTS
        line = json.dumps({**body, "model": model, "at": body.get("at") or time.time()})
        with self.db.write() as db:
            index_measurements(db, run_id, [line])
            with disk_errors(path), path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")

    # --- the file ------------------------------------------------------------------------------

    def backup(self, to: Path) -> None:
        """A copy of the database while it is in use; run folders are copied like any folder.

        Raises:
            StoreError: ``disk_full``, ``home_not_writable``.
        """
        with disk_errors(to):
            to.parent.mkdir(parents=True, exist_ok=True)
        self.db.backup(to)

    def close(self) -> None:
        """Close connections that are not in use."""
        self.db.close()


def index_record(db: sqlite3.Connection, record: RunRecord, folder: Path) -> None:
    """Enter a finished run's models and measurements."""
    run_id = record.run_id
    for model in record.models:
        data = model.to_json()
        names = [name.removesuffix("_json") for name in ModelRow._fields]
        scores = current_scores(data["scores"], validation_file(folder, model.name))
        values = [run_id, *(data[name] for name in names[1:-1]), json.dumps(scores)]
        marks = ", ".join("?" * len(values))
        db.execute(f"INSERT INTO models ({', '.join(names)}) VALUES ({marks})", values)
    path = folder / MEASUREMENTS
    if path.is_file():
        index_measurements(db, run_id, path.read_text(encoding="utf-8").splitlines())


def index_measurements(db: sqlite3.Connection, run_id: str, lines: Sequence[str]) -> None:
    """Enter lines of ``measurements.jsonl``; one cut short or of no known model is skipped."""
    for line in lines:
        try:
            body = json.loads(line)
            model, at = body["model"], float(body.get("at") or 0.0)
        except (ValueError, TypeError, KeyError):
            continue
        db.execute(
            "INSERT INTO measurements (run, model, at, body)"
            " SELECT run, name, ?, ? FROM models WHERE run = ? AND name = ?",
            [at, json.dumps(body), run_id, model],
        )
