import json
import sqlite3
import time

import pytest

from kd_core.errors import StoreError
from kd_core.study.entries import read_study
from kd_core.study.records import MEASUREMENTS
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, study


@pytest.fixture
def store():
    return Store()


def test_an_empty_store_answers(store):
    assert store.runs() == store.studies() == store.models() == store.measurements() == []
    with pytest.raises(StoreError, match="run_unknown"):
        store.run("r123")
    with pytest.raises(StoreError, match="study_unknown"):
        store.study("s123")


def test_a_study_is_listed_with_what_became_of_it(store):
    study_id = submit(store, study(0, 1), "ana")
    assert [row.id for row in store.studies("ana")] == [study_id]
    assert store.studies("ben") == []
    row = store.study(study_id)
    assert (row.runs, row.active, row.finished) == (5, 5, 0)
    run_all(store)
    row = store.study(study_id)
    assert (row.runs, row.active, row.finished) == (5, 0, 5)
    assert store.runs(study=study_id)[0].key == "teacher-s0"
    assert len(store.runs(owner="ana", limit=2)) == 2
    assert store.runs(dataset="other") == []


def test_a_finished_run_has_models_measurements_events_and_a_record(store):
    study_id = submit(store, study(0))
    run_all(store)
    runs = by_key(store, study_id)
    student = runs["distilled-s0"]
    assert [m.run for m in store.models(study=study_id)] == [r.id for r in runs.values()]
    assert store.models(run=student.id)[0].role == "student"
    assert store.measurements(run=student.id)[0].body["latency_ms_p50"] == 1.5
    assert store.record(student.id).parents == {"teacher": runs["teacher-s0"].id}
    assert store.parents(student.id) == {"teacher": runs["teacher-s0"].id}
    assert store.settings(student.id).distil is not None
    kinds = [event.type for event in store.events(student.id).events]
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert student.started is not None
    assert student.ended is not None
    assert student.config_hash == store.record(student.id).config_hash


def test_measurements_are_added_beside_the_record(store):
    study_id = submit(store, study(0))
    run_all(store)
    run = store.runs(study=study_id)[0]
    record = (store.folder(run.id) / "record.json").read_bytes()
    store.add_measurement(run.id, "main", {"latency_ms_p50": 9.0})
    assert [m.body["latency_ms_p50"] for m in store.measurements(run=run.id)] == [1.5, 9.0]
    assert len(store.measurements(study=study_id)) == 4
    lines = (store.folder(run.id) / MEASUREMENTS).read_text().splitlines()
    assert json.loads(lines[1])["latency_ms_p50"] == 9.0
    assert (store.folder(run.id) / "record.json").read_bytes() == record


def test_opening_the_test_part_is_recorded_once_and_in_the_file(store):
    study_id = submit(store, study(0))
    run_all(store)
    first = store.open_test(study_id, by="ana")
    assert (first.test_opened_runs, first.test_opened_by) == (3, "ana")
    assert store.open_test(study_id, by="ben") == first
    opened = read_study(store.home.study(study_id)).test_opened
    assert opened is not None
    assert (opened.at, opened.runs, opened.by) == (first.test_opened_at, 3, "ana")


def test_a_locked_store_says_so_and_readers_go_on(store):
    study_id = submit(store, study(0))
    with sqlite3.connect(store.home.store, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        impatient = Store(busy_s=0.05)
        with pytest.raises(StoreError, match="store_locked"):
            submit(impatient, study(1))
        assert impatient.study(study_id).runs == 3
        other.execute("ROLLBACK")
    other.close()
    assert submit(impatient, study(1))


def test_a_corrupt_store_says_so_and_is_left_alone(store):
    submit(store, study(0))
    store.close()
    damaged = b"not a database at all" * 500
    store.home.store.write_bytes(damaged)
    with pytest.raises(StoreError, match="store_corrupt"):
        Store()
    assert store.home.store.read_bytes() == damaged


def test_backup_can_be_opened(store, tmp_path):
    study_id = submit(store, study(0))
    store.backup(tmp_path / "deep" / "copy.sqlite")
    with sqlite3.connect(tmp_path / "deep" / "copy.sqlite") as copy:
        assert copy.execute("SELECT id FROM studies").fetchall() == [(study_id,)]
    copy.close()


def test_thousands_of_runs_are_one_query(store, monkeypatch):
    study_id = submit(store, study(0))
    counted = []
    rows = store.db.rows
    monkeypatch.setattr(store.db, "rows", lambda *args: counted.append(args) or rows(*args))
    assert time.time() > store.runs(study=study_id)[0].created
    store.studies()
    store.models(study=study_id)
    assert len(counted) == 3
