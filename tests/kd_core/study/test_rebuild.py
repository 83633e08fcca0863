import json
import shutil

import filelock
import pytest

from kd_core.errors import StoreError
from kd_core.study.queue import Queue
from kd_core.study.rebuild import rebuild
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, run_here, study


@pytest.fixture
def store():
    return Store()


def everything(store):
    """All that a page can see, without what only a living queue knows."""
    return {
        "studies": store.studies(),
        "runs": store.runs(),
        "members": {s.id: [r.id for r in store.runs(study=s.id)] for s in store.studies()},
        "parents": {row.id: store.parents(row.id) for row in store.runs()},
        "settings": {row.id: store.settings(row.id) for row in store.runs()},
        "models": store.models(),
        "measurements": store.measurements(),
    }


def test_a_rebuilt_store_equals_the_lost_one(store):
    done = submit(store, study(0, 1), "ana", expected_s={"teacher-s0": 3.0})
    run_all(store)
    store.add_measurement(store.runs(study=done)[0].id, "main", {"latency_ms": 2.0})
    store.open_test(done, by="ana")
    submit(store, study(0, 1, 2), "ben", reuse=True)
    failing = submit(store, study(5, do="nan"), "cem")
    run_all(store)
    halted = submit(store, study(7))
    run_here(store, asked="paused")
    waiting = submit(store, study(8))
    Queue(store).request(by_key(store, waiting)["baseline-s8"].id, "cancel")
    Queue(store).request(by_key(store, waiting)["teacher-s8"].id, "cancel")
    before = everything(store)
    states = {row.status for row in before["runs"]}
    assert states == {"finished", "failed", "paused", "queued", "waiting", "blocked", "cancelled"}
    store.close()
    store.home.store.write_bytes(b"damaged")

    result = rebuild()

    assert result.problems == ()
    assert (result.studies, result.runs) == (len(before["studies"]), len(before["runs"]))
    after = everything(Store())
    for part, value in before.items():
        assert after[part] == value, part
    assert store.study(done).test_opened_by == "ana"
    assert {failing, halted} <= {row.id for row in store.studies()}
    assert len(list(store.home.root.glob("store.old-*"))) == 1
    run_all(store)
    assert store.runs(status=["queued"]) == []
    assert [row.key for row in store.runs(status=["waiting"])] == ["distilled-s7"]


def test_a_store_in_use_is_not_rebuilt(store):
    submit(store, study(0))
    with (
        filelock.FileLock(store.home.runner_lock, thread_local=False),
        pytest.raises(StoreError, match="store_in_use"),
    ):
        rebuild()
    assert len(store.runs()) == 3


def test_runs_are_found_without_their_studies_file(store):
    study_id = submit(store, study(0), "ana")
    run_all(store)
    before = store.runs()
    store.home.study(study_id).unlink()
    rebuild()
    assert store.runs() == before
    assert store.study(study_id).owner == "ana"
    assert [row.key for row in store.runs(study=study_id)] == [
        "teacher-s0",
        "baseline-s0",
        "distilled-s0",
    ]


def test_files_that_cannot_be_read_are_told_and_skipped(store):
    study_id = submit(store, study(0))
    run_all(store)
    runs = by_key(store, study_id)
    (store.home.studies / "s-broken.json").write_text("{")
    (store.home.run(runs["baseline-s0"].id) / "record.json").write_text("{}")
    (store.home.runs / "r-stranger").mkdir()
    shutil.rmtree(store.home.run(runs["distilled-s0"].id))
    result = rebuild()
    assert sorted(error.code for _, error in result.problems) == [
        "entry_unreadable",
        "entry_unreadable",
        "record_unreadable",
    ]
    states = {row.key: row.status for row in store.runs(study=study_id)}
    # A run whose folder is gone was asked for, and is run again.
    assert states == {"teacher-s0": "finished", "baseline-s0": "failed", "distilled-s0": "queued"}


def test_a_measurement_cut_short_is_skipped(store):
    submit(store, study(0))
    run_id = run_here(store)
    path = store.home.run(run_id) / "measurements.jsonl"
    with path.open("a") as file:
        file.write(json.dumps({"model": "none"}) + "\n" + '{"model": "ma')
    rebuild()
    assert len(store.measurements(run=run_id)) == 1
