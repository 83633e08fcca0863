import pytest

from kd_core.study.claims import Claims
from kd_core.study.queue import Queue
from kd_core.study.store import Store
from kd_core.study.submit import submit
from tests.helpers_jobs import by_key, run_all, run_here, study


@pytest.fixture
def store():
    return Store()


def states(store, study_id):
    return {row.key: row.status for row in store.runs(study=study_id)}


def test_students_start_after_their_teacher(store):
    study_id = submit(store, study(0, 1))
    order = run_all(store)
    keys = {row.id: row.key for row in store.runs(study=study_id)}
    assert [keys[run] for run in order] == [
        "teacher-s0",
        "baseline-s0",
        "distilled-s0",
        "baseline-s1",
        "distilled-s1",
    ]


def test_a_failed_need_blocks_and_its_resumption_unblocks(store):
    study_id = submit(store, study(0))

    def broken(run, job):
        raise ZeroDivisionError("first time")

    run_here(store, broken)
    assert states(store, study_id) == {
        "teacher-s0": "failed",
        "baseline-s0": "queued",
        "distilled-s0": "blocked",
    }
    error = by_key(store, study_id)["distilled-s0"].error
    assert error is not None
    assert (error.code, error.fields["need"]) == ("need_failed", "teacher-s0")
    assert error.fields["state"]["id"] == "status.failed"
    Queue(store).request(by_key(store, study_id)["teacher-s0"].id, "resume")
    row = by_key(store, study_id)["distilled-s0"]
    assert (row.status, row.error) == ("waiting", None)
    run_all(store)
    assert set(states(store, study_id).values()) == {"finished"}


def test_a_cancelled_need_blocks_a_paused_one_lets_wait(store):
    study_id = submit(store, study(0))
    teacher = by_key(store, study_id)["teacher-s0"].id
    queue = Queue(store)
    queue.request(teacher, "pause")
    assert states(store, study_id)["distilled-s0"] == "waiting"
    queue.request(teacher, "cancel")
    assert states(store, study_id)["distilled-s0"] == "blocked"
    queue.request(teacher, "resume")
    assert states(store, study_id) == {
        "teacher-s0": "queued",
        "baseline-s0": "queued",
        "distilled-s0": "waiting",
    }


def test_a_chain_is_blocked_and_unblocked_link_by_link(store):
    study_id = submit(store, study(0))
    runs = by_key(store, study_id)
    with store.db.write() as db:  # baseline needs the student, which needs the teacher
        values = [runs["baseline-s0"].id, "parent", runs["distilled-s0"].id]
        db.execute("INSERT INTO needs VALUES (?, ?, ?)", values)
    queue = Queue(store)
    queue.request(runs["teacher-s0"].id, "cancel")
    assert states(store, study_id) == {
        "teacher-s0": "cancelled",
        "baseline-s0": "blocked",
        "distilled-s0": "blocked",
    }
    queue.request(runs["teacher-s0"].id, "resume")
    assert states(store, study_id) == {
        "teacher-s0": "queued",
        "baseline-s0": "waiting",
        "distilled-s0": "waiting",
    }


def test_a_run_whose_parent_was_lost_fails_with_a_reason(store):
    study_id = submit(store, study(0))
    student = by_key(store, study_id)["distilled-s0"].id
    with store.db.write() as db:
        db.execute("DELETE FROM needs")
        db.execute("UPDATE runs SET status = 'queued' WHERE id = ?", [student])
        db.execute("UPDATE runs SET status = 'paused' WHERE id != ?", [student])
    assert Claims(store, "x").next("auto", ("auto",)) is None
    error = store.run(student).error
    assert error is not None
    assert (error.code, error.fields["needs"]) == ("need_missing", ["teacher"])
